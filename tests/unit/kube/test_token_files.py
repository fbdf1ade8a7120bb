"""Tokens in files, which are replaced, spoiled and removed while they are used."""

from datetime import timedelta
from pathlib import Path

import pytest

from kubesum.edge.tls import certificates
from kubesum.kube.client import connect
from kubesum.kube.credentials import in_cluster_config, kubeconfig
from kubesum.vocabulary.errors import UpstreamError, UsageError
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.scriptedserver import Script, body, failure, playing
from tests.unit.kube.test_client import server_context


async def test_in_a_pod_a_token_that_gets_401_is_reloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = server_context(tmp_path, certificates.authority("test"))
    token = tmp_path / "token"
    token.write_text("old")
    module = "kubernetes_asyncio.config.incluster_config"
    monkeypatch.setattr(f"{module}.SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(f"{module}.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))

    async with playing(Script([failure(401), body(b"{}")]), context) as script:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", script.url.rpartition(":")[2])
        async with await connect(in_cluster_config) as upstream:
            token.write_text("new")
            assert await upstream.get("/api", {}) == b"{}"

    assert [request.headers["authorization"] for request in script.requests] == ["Bearer old", "Bearer new"]


async def test_in_a_pod_the_last_token_is_used_while_the_file_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty token file ended the process, and a missing one made all requests fail, once a minute had passed."""
    context = server_context(tmp_path, certificates.authority("test"))
    token = tmp_path / "token"
    token.write_text("old")
    module = "kubernetes_asyncio.config.incluster_config"
    monkeypatch.setattr(f"{module}.SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(f"{module}.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(f"{module}.TOKEN_REFRESH_PERIOD", timedelta(0))

    async with playing(Script([body(b"{}")] * 5), context) as script:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", script.url.rpartition(":")[2])
        async with await connect(in_cluster_config) as upstream:
            for content in (b"", b"\xff", None, b"new", b"newer"):
                if content is None:
                    token.unlink()
                else:
                    token.write_bytes(content)
                await upstream.get("/api", {})

    used = [request.headers["authorization"] for request in script.requests]
    assert used == ["Bearer old"] * 3 + ["Bearer new", "Bearer newer"]
    assert [record.message for record in caplog.records] == ["token file cannot be read, using the last token"] * 3


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (b"two\nlines", "the token holds characters that none has"),
        (b"a\0b", "the token holds characters that none has"),
        (b"", "token holds no token"),
    ],
)
async def test_a_token_file_without_a_token_is_read_again(tmp_path: Path, spoiled: bytes, reason: str) -> None:
    """Some of these ended the process; with an empty file it went on as an anonymous user, for ever."""
    token = tmp_path / "token"
    token.write_bytes(b"old")
    async with playing(Script([failure(401), failure(401), body(b"{}")])) as script:
        config = written_kubeconfig(tmp_path / "config", script.url, {"tokenFile": str(token)})
        async with await connect(kubeconfig(config, None)) as upstream:
            token.write_bytes(spoiled)
            with pytest.raises(UpstreamError, match=reason):
                await upstream.get("/api", {})
            token.write_bytes(b"new")
            await upstream.get("/api", {})

    used = [request.headers["authorization"] for request in script.requests]
    assert used == ["Bearer old", "Bearer old", "Bearer new"]


async def test_outside_a_pod_there_is_no_service_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(
        UsageError, match=r"no service account to use, is this a pod\? .* not set; outside of one, set --kubeconfig"
    ):
        await connect(in_cluster_config)
