"""The check of the front proxy's configuration, in front of a scripted API server."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubesum.doctor.checks.frontproxy import check_front_proxy
from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from tests.doctor.scriptedcluster import Scripted, json_body
from tests.unit.kube.scriptedserver import failure

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def config(clients: KeyPair, front_proxies: KeyPair, names: list[str]) -> dict[str, str]:
    """The data of the ConfigMap."""
    return {
        "client-ca-file": clients.certificate.decode(),
        "requestheader-client-ca-file": front_proxies.certificate.decode(),
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-allowed-names": json.dumps(names),
    }


USERS, PROXIES = certificates.authority("users"), certificates.authority("proxies", now=NOW)


ENDED = certificates.authority("proxies", timedelta(days=1), NOW - timedelta(days=3))


WHAT = "ConfigMap kube-system/extension-apiserver-authentication"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (
            config(USERS, USERS, []),
            f"FAIL  {WHAT}: the CA of the front proxy also signs users' certificates, and "
            "requestheader-allowed-names is empty, so any user could impersonate others, and kubesum accepts no "
            "front proxy; use a separate CA, or set --requestheader-allowed-names of kube-apiserver",
        ),
        (
            config(USERS, USERS, ["front-proxy-client"]),
            f"warn  {WHAT}: the CA of the front proxy also signs users' certificates, so whoever obtains one with "
            "the name front-proxy-client can impersonate any user; use a separate CA",
        ),
        (
            config(USERS, PROXIES, []),
            f"warn  {WHAT}: requestheader-allowed-names is empty, so any certificate of that CA can impersonate any "
            "user; set --requestheader-allowed-names of kube-apiserver",
        ),
        (
            config(USERS, PROXIES, []) | {"requestheader-allowed-names": "[1]"},
            f"FAIL  {WHAT}: requestheader-allowed-names of the {WHAT} is no JSON list of names: Expected "
            "`str`, got `int` - at `$[0]`; kube-apiserver writes it from its flags: see its log",
        ),
        (
            config(USERS, PROXIES, []) | {"requestheader-username-headers": "[]"},
            f"FAIL  {WHAT}: requestheader-username-headers is missing, so no front proxy can name the user; start "
            "kube-apiserver with --requestheader-client-ca-file, --requestheader-username-headers=X-Remote-User, "
            "--requestheader-group-headers=X-Remote-Group, --requestheader-extra-headers-prefix=X-Remote-Extra-, "
            "--proxy-client-cert-file and --proxy-client-key-file",
        ),
    ],
    ids=["shared CA, any name", "shared CA", "any name", "malformed names", "no header"],
)
async def test_an_insecure_or_incomplete_front_proxy_configuration(
    scripted: Scripted, data: dict[str, str], line: str
) -> None:
    scripted.script.answers += [json_body({"metadata": {}, "data": data})]

    await check_front_proxy(scripted.cluster, scripted.report, NOW)

    assert scripted.lines == [line]


async def test_an_expired_ca_of_the_front_proxy(scripted: Scripted) -> None:
    scripted.script.answers += [json_body({"metadata": {}, "data": config(USERS, ENDED, ["front-proxy-client"])})]

    await check_front_proxy(scripted.cluster, scripted.report, NOW)

    assert scripted.lines[0].startswith(f"FAIL  {WHAT}: proxies (key ")
    assert scripted.lines[0].endswith(
        ") of requestheader-client-ca-file expired on 2026-05-02; renew the CA of the front proxy and its "
        "certificate, and restart kube-apiserver"
    )


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            failure(404, "NotFound", "not found"),
            f"FAIL  {WHAT}: not found; kube-apiserver creates it when it starts: see its log",
        ),
        (
            failure(403, "Forbidden", "forbidden by a webhook"),
            f"skip  {WHAT}: you may not: forbidden by a webhook",
        ),
    ],
)
async def test_a_config_map_that_cannot_be_read(scripted: Scripted, answer: Any, line: str) -> None:
    scripted.script.answers += [answer]

    await check_front_proxy(scripted.cluster, scripted.report, NOW)

    assert scripted.lines == [line]
