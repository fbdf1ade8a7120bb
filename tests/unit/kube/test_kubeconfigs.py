"""What is wrong with a kubeconfig is said in one sentence."""

from pathlib import Path

import pytest
import yaml

from kubesum.kube.client import connect
from kubesum.kube.credentials import Context, chosen_context, kubeconfig
from kubesum.vocabulary.errors import UsageError
from tests.unit.kube.kubeconfigs import written

SERVER = "https://127.0.0.1:6443"


async def sentence(path: Path | None, context: str | None = None) -> str:
    """What connecting with a kubeconfig that is wrong says."""
    with pytest.raises(UsageError) as caught:
        await connect(kubeconfig(path, context))
    return str(caught.value)


async def test_the_kubeconfig_that_the_environment_names_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(written(tmp_path / "config", "http://127.0.0.1:1")))

    async with await connect(kubeconfig(None, None)) as upstream:
        assert upstream.host == "http://127.0.0.1:1"


async def test_the_context_asked_for_is_used(tmp_path: Path) -> None:
    config = written(tmp_path / "config", SERVER)
    document = yaml.safe_load(config.read_text())
    document["clusters"].append({"name": "other", "cluster": {"server": "http://127.0.0.1:2"}})
    document["contexts"].append({"name": "other", "context": {"cluster": "other", "user": "shop"}})
    config.write_text(yaml.safe_dump(document))

    async with await connect(kubeconfig(config, "other")) as upstream:
        assert upstream.host == "http://127.0.0.1:2"


async def test_a_missing_file(tmp_path: Path) -> None:
    assert await sentence(tmp_path / "none") == f"kubeconfig {tmp_path}/none does not exist"


def test_a_context_has_a_name_and_perhaps_a_namespace(tmp_path: Path) -> None:
    config = written(tmp_path / "config", SERVER)
    document = yaml.safe_load(config.read_text())
    document["contexts"].append({"name": "tenant", "context": {"cluster": "shop", "namespace": "payments"}})
    document["contexts"].append({"name": "hollow"})
    config.write_text(yaml.safe_dump(document))

    assert chosen_context(config, None) == Context("shop", "")
    assert chosen_context(config, "tenant") == Context("tenant", "payments")
    assert chosen_context(config, "hollow") == Context("hollow", "")


async def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    config = written(tmp_path / "config", SERVER)

    assert await sentence(config, "prod") == f"kubeconfig {config} has no context 'prod'; its contexts: shop"


async def test_no_current_context(tmp_path: Path) -> None:
    config = written(tmp_path / "config", SERVER)
    document = yaml.safe_load(config.read_text())
    del document["current-context"]
    config.write_text(yaml.safe_dump(document))

    assert await sentence(config) == f"kubeconfig {config} has no current context; choose one of its contexts: shop"


async def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("apiVersion: v1\nclusters: [\n")

    assert await sentence(config) == f"kubeconfig {config} is not valid YAML: line 3, column 1"


@pytest.mark.parametrize(
    "content", ["", "just text", "[1, 2]", "contexts: 5\ncurrent-context: a\n", "contexts: [{}]"]
)
async def test_a_file_that_is_no_kubeconfig(tmp_path: Path, content: str) -> None:
    config = tmp_path / "config"
    config.write_text(content)

    said = await sentence(config)

    assert said in (
        f"{config} is not a kubeconfig",
        f"kubeconfig {config} has no current context; choose one of its contexts: none",
    )


async def test_a_certificate_file_that_is_missing(tmp_path: Path) -> None:
    config = written(tmp_path / "config", SERVER, {"client-certificate": "eve.crt", "client-key": "eve.key"})

    assert await sentence(config) == (
        f"kubeconfig {config}, context 'shop': File does not exists: {tmp_path}/eve.crt"
    )


async def test_a_certificate_file_that_holds_none(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("nothing")
    config = written(tmp_path / "config", SERVER, cluster={"certificate-authority": "ca.crt"})

    said = await sentence(config)

    assert said.startswith(f"the certificates for {SERVER} ({tmp_path}/ca.crt) are of no use: ")
    assert "\n" not in said


async def test_certificate_data_that_is_none(tmp_path: Path) -> None:
    config = written(tmp_path / "config", SERVER, cluster={"certificate-authority-data": "x"})

    assert (await sentence(config)).startswith(f"kubeconfig {config}, context 'shop': ")


async def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    config = written(tmp_path / "config", SERVER)
    document = yaml.safe_load(config.read_text())
    document["clusters"] = []
    config.write_text(yaml.safe_dump(document))

    said = await sentence(config)

    assert said.startswith(f"kubeconfig {config}, context 'shop': ")
    assert "with name shop" in said


@pytest.mark.parametrize(
    "server", ["cluster.example:6443", "ssh://host", "https://cluster.example:66000", "https://[::1", "https://a..b"]
)
async def test_a_server_that_is_no_url(tmp_path: Path, server: str) -> None:
    config = written(tmp_path / "config", server)

    said = await sentence(config)

    assert said == f"kubeconfig {config}, context 'shop': server {server!r} is not a URL that begins with https://"


async def test_a_proxy_that_is_not_http(tmp_path: Path) -> None:
    config = written(tmp_path / "config", SERVER, cluster={"proxy-url": "socks5://127.0.0.1:1080"})

    assert await sentence(config) == (
        f"kubeconfig {config}, context 'shop': proxy-url 'socks5://127.0.0.1:1080' is not an HTTP proxy"
    )


async def test_an_exec_plugin_that_fails_says_why(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\necho please log in first >&2\nexit 3\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}

    assert await sentence(written(tmp_path / "config", SERVER, user)) == (
        f"kubeconfig {tmp_path}/config, context 'shop': exec: process returned 3. please log in first"
    )


async def test_an_exec_plugin_that_is_not_installed_is_named(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}}

    assert await sentence(written(tmp_path / "config", SERVER, user)) == (
        f"kubeconfig {tmp_path}/config, context 'shop': no-such-plugin: No such file or directory"
    )
