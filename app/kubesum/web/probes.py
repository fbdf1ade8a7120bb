"""Routes of probes, version and metrics, for kubelets, people and Prometheus.

The wording is that of k8s.io/apiserver/pkg/server/healthz/healthz.go. No check states its reason, because anonymous
clients may read it. With `?verbose` the response also has the serving certificates of the connection, which clients
behind a proxy such as kube-apiserver's pods/proxy do not see otherwise; they are no secret, since every handshake
presents them.
"""

import platform
from base64 import b64encode
from collections.abc import Mapping, Set
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from kubesum import __version__
from kubesum.api.requests.query import pairs
from kubesum.edge.http.requestcontext import request_context
from kubesum.vocabulary.errors import NotFound
from kubesum.vocabulary.quoting import quoted
from kubesum.web.dependencies import Name, Server
from kubesum.web.readinesslog import ReadinessLog
from kubesum.web.responses import JSON, READ_METHODS, text
from kubesum.web.rollupmetrics import RollupMetrics

PING: Final = "ping"
SERVING_CERTIFICATE: Final = "X-Serving-Certificate"
"""A header line for each certificate, the server's own first, DER in base64."""

_GOARCH: Final = {"x86_64": "amd64", "aarch64": "arm64"}

router: Final = APIRouter(redirect_slashes=False)


@router.api_route("/livez", methods=READ_METHODS)
@router.api_route("/healthz", methods=READ_METHODS)
async def livez(request: Request) -> Response:
    """Whether the process works: it works if it answers."""
    return report(request, {PING: True})


@router.api_route("/readyz", methods=READ_METHODS)
async def readyz(request: Request, server: Server) -> Response:
    """Whether requests should be sent to this replica."""
    checks = {PING: True, **server.readiness()}
    readiness_log: ReadinessLog = request.app.state.readiness_log
    readiness_log.note(checks)
    return report(request, checks)


@router.api_route("/livez/{name:path}", methods=READ_METHODS)
@router.api_route("/healthz/{name:path}", methods=READ_METHODS)
async def livez_check(name: Name) -> Response:
    """One check of /livez."""
    return single({PING: True}, name)


@router.api_route("/readyz/{name:path}", methods=READ_METHODS)
async def readyz_check(name: Name, server: Server) -> Response:
    """One check of /readyz."""
    return single({PING: True, **server.readiness()}, name)


@router.api_route("/version", methods=READ_METHODS)
async def version() -> Response:
    """The version, in the fields of k8s.io/apimachinery/pkg/version.Info, all of which are strings."""
    machine = platform.machine()
    info = {
        "major": "",
        "minor": "",
        "gitVersion": f"v{__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": f"{platform.system().lower()}/{_GOARCH.get(machine, machine)}",
    }
    return JSON(msgspec.json.encode(info) + b"\n")


@router.api_route("/metrics", methods=READ_METHODS)
async def metrics(request: Request) -> Response:
    """All metrics, for Prometheus."""
    rollups: RollupMetrics = request.app.state.rollup_metrics
    return Response(generate_latest(REGISTRY) + await rollups.text(), media_type=CONTENT_TYPE_LATEST)


def report(request: Request, checks: Mapping[str, bool]) -> Response:
    """The results of all checks that the request does not exclude."""
    query = [*pairs(request.scope["query_string"])]
    excluded = {value for name, value in query if name == "exclude"}
    endpoint = request.scope["path"].removeprefix("/")
    lines = check_lines(checks, excluded)
    is_verbose = any(name == "verbose" for name, _ in query)
    if not all(passes for name, passes in checks.items() if name not in excluded):
        response = text(f"{lines}{endpoint} check failed\n", 500)
    else:
        response = text(f"{lines}{endpoint} check passed\n" if is_verbose else "ok")
    if is_verbose:
        for certificate in request_context(request.scope).serving_chain:
            response.headers.append(SERVING_CERTIFICATE, b64encode(certificate).decode())
    return response


def check_lines(checks: Mapping[str, bool], excluded: Set[str]) -> str:
    """One line for each check, and one for exclusions that match no check."""
    lines = [_line(name, passes, name in excluded) for name, passes in checks.items()]
    if unknown := sorted(excluded - checks.keys()):
        names = ", ".join(map(quoted, unknown))
        lines.append(f"warn: some health checks cannot be excluded: no matches for {names}\n")
    return "".join(lines)


def _line(name: str, passes: bool, is_excluded: bool) -> str:
    if is_excluded:
        return f"[+]{name} excluded: ok\n"
    return f"[+]{name} ok\n" if passes else f"[-]{name} failed: reason withheld\n"


def single(checks: Mapping[str, bool], name: str) -> Response:
    """The result of one check; raises NotFound."""
    if name not in checks:
        raise NotFound(f"there is no check {quoted(name)}")
    return text("ok") if checks[name] else text(f"internal server error: {name} fails\n", 500)
