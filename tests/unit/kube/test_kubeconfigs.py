"""Contexts of kubeconfigs, and the one-sentence errors of invalid ones."""

from pathlib import Path

import pytest
import yaml

from kubesum.kube.client import connect
from kubesum.kube.credentials import Context, chosen_context, kubeconfig
from kubesum.vocabulary.errors import UsageError
from tests.unit.kube.kubeconfigs import written_kubeconfig

SERVER = "https://127.0.0.1:6443"


async def error_of(path: Path | None, context: str | None = None) -> str:
    """The error of connecting with an invalid kubeconfig."""
    with pytest.raises(UsageError) as caught:
        await connect(kubeconfig(path, context))
    return str(caught.value)


async def test_the_kubeconfig_that_the_environment_names_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(written_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")))

    async with await connect(kubeconfig(None, None)) as upstream:
        assert upstream.host == "http://127.0.0.1:1"


async def test_the_context_asked_for_is_used(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", SERVER)
    document = yaml.safe_load(config.read_text())
    document["clusters"].append({"name": "other", "cluster": {"server": "http://127.0.0.1:2"}})
    document["contexts"].append({"name": "other", "context": {"cluster": "other", "user": "shop"}})
    config.write_text(yaml.safe_dump(document))

    async with await connect(kubeconfig(config, "other")) as upstream:
        assert upstream.host == "http://127.0.0.1:2"


async def test_a_missing_file(tmp_path: Path) -> None:
    assert await error_of(tmp_path / "none") == f"kubeconfig {tmp_path}/none does not exist"


def test_a_context_has_a_name_and_may_have_a_namespace(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", SERVER)
    document = yaml.safe_load(config.read_text())
    document["contexts"].append({"name": "tenant", "context": {"cluster": "shop", "namespace": "payments"}})
    document["contexts"].append({"name": "hollow"})
    config.write_text(yaml.safe_dump(document))

    assert chosen_context(config, None) == Context("shop", "")
    assert chosen_context(config, "tenant") == Context("tenant", "payments")
    assert chosen_context(config, "hollow") == Context("hollow", "")


async def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", SERVER)

    assert await error_of(config, "prod") == f"kubeconfig {config} has no context 'prod'; its contexts: shop"


async def test_no_current_context(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", SERVER)
    document = yaml.safe_load(config.read_text())
    del document["current-context"]
    config.write_text(yaml.safe_dump(document))

    assert await error_of(config) == f"kubeconfig {config} has no current context; choose one of its contexts: shop"


async def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("apiVersion: v1\nclusters: [\n")

    assert await error_of(config) == f"kubeconfig {config} is not valid YAML: line 3, column 1"


@pytest.mark.parametrize(
    "content", ["", "just text", "[1, 2]", "contexts: 5\ncurrent-context: a\n", "contexts: [{}]"]
)
async def test_a_file_that_is_no_kubeconfig(tmp_path: Path, content: str) -> None:
    config = tmp_path / "config"
    config.write_text(content)

    error = await error_of(config)

    assert error in (
        f"{config} is not a kubeconfig",
        f"kubeconfig {config} has no current context; choose one of its contexts: none",
    )


async def test_a_certificate_file_that_is_missing(tmp_path: Path) -> None:
    config = written_kubeconfig(
        tmp_path / "config", SERVER, {"client-certificate": "eve.crt", "client-key": "eve.key"}
    )

    assert await error_of(config) == (
        f"kubeconfig {config}, context 'shop': File does not exists: {tmp_path}/eve.crt"
    )


async def test_a_certificate_file_that_holds_none(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("nothing")
    config = written_kubeconfig(tmp_path / "config", SERVER, cluster={"certificate-authority": "ca.crt"})

    error = await error_of(config)

    assert error.startswith(f"the certificates for {SERVER} ({tmp_path}/ca.crt) cannot be used: ")
    assert "\n" not in error


async def test_certificate_data_that_is_none(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", SERVER, cluster={"certificate-authority-data": "x"})

    assert (await error_of(config)).startswith(f"kubeconfig {config}, context 'shop': ")


async def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", SERVER)
    document = yaml.safe_load(config.read_text())
    document["clusters"] = []
    config.write_text(yaml.safe_dump(document))

    error = await error_of(config)

    assert error.startswith(f"kubeconfig {config}, context 'shop': ")
    assert "with name shop" in error


@pytest.mark.parametrize(
    "server", ["cluster.example:6443", "ssh://host", "https://cluster.example:66000", "https://[::1", "https://a..b"]
)
async def test_a_server_that_is_no_url(tmp_path: Path, server: str) -> None:
    config = written_kubeconfig(tmp_path / "config", server)

    error = await error_of(config)

    assert error == f"kubeconfig {config}, context 'shop': server {server!r} is not a URL that begins with https://"


@pytest.mark.parametrize("server", ["https://jane:hunter2@cluster.example:6443", "ssh://jane:hunter2@host"])
async def test_a_password_in_the_url_of_a_server_is_refused_and_not_printed(tmp_path: Path, server: str) -> None:
    """It crashed the command beside a token, and was in its error messages without one."""
    error = await error_of(written_kubeconfig(tmp_path / "config", server))

    assert "hunter2" not in error
    assert "server" in error


async def test_a_password_of_a_proxy_is_not_printed(tmp_path: Path) -> None:
    proxy = {"proxy-url": "socks5://jane:hunter2@127.0.0.1:1080"}
    error = await error_of(written_kubeconfig(tmp_path / "config", SERVER, cluster=proxy))

    assert error.endswith("proxy-url 'socks5://127.0.0.1:1080' is not an HTTP proxy")


async def test_a_proxy_that_is_not_http(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", SERVER, cluster={"proxy-url": "socks5://127.0.0.1:1080"})

    assert await error_of(config) == (
        f"kubeconfig {config}, context 'shop': proxy-url 'socks5://127.0.0.1:1080' is not an HTTP proxy"
    )


@pytest.mark.process
async def test_the_error_of_an_exec_plugin_is_reported(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\necho please log in first >&2\nexit 3\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}

    assert await error_of(written_kubeconfig(tmp_path / "config", SERVER, user)) == (
        f"kubeconfig {tmp_path}/config, context 'shop': exec: process returned 3. please log in first"
    )


@pytest.mark.process
async def test_an_exec_plugin_that_is_not_installed_is_named(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}}

    assert await error_of(written_kubeconfig(tmp_path / "config", SERVER, user)) == (
        f"kubeconfig {tmp_path}/config, context 'shop': no-such-plugin: No such file or directory"
    )
