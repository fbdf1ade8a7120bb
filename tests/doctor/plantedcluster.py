"""An API server over a real socket in which every object of kubesum, and every text, holds a secret."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from kubesum.edge.tls import certificates

NAMESPACE = "kubesum-system"
PASSWORD = "hunter2-hunter2"
PAIR = certificates.authority("planted-ca")
KEY = PAIR.key.decode()
JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
SECRETS = (PASSWORD, JWT, "c2lnbmF0dXJlLW9mLWEtdG9rZW4", *(line for line in KEY.splitlines() if line[:1] != "-"))

LABELS = {"app.kubernetes.io/name": "kubesum"}
CONDITION = {"type": "Available", "status": "False", "reason": "Failed", "message": f"https://a:{PASSWORD}@host/"}
_ANNOTATIONS = {
    "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"stringData": PASSWORD}),
    "example.com/note": PASSWORD,
}
_LOG = "\n".join(
    [
        "2026-01-01T00:00:00Z started",
        f"Authorization: Bearer {JWT}",
        f'{{"level":"error","error":"token {JWT} refused","password":"{PASSWORD}"}}',
        f"postgres://jane:{PASSWORD}@db/",
        KEY,
        json.dumps({"error": f"cannot parse {KEY}"}),
        f"client-key-data: {b64encode(PAIR.key).decode()}",
        "2026-01-01T00:00:09Z still running",
    ]
)
POD = "kubesum-1"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
PROXY = f"{PODS}/https:{POD}:10250/proxy"


def _object(name: str, **more: Any) -> dict[str, Any]:
    managed = [{"manager": "kubectl", "fieldsV1": {"f:data": {PASSWORD: {}}}}]
    metadata = {"name": name, "namespace": NAMESPACE, "labels": LABELS}
    return {"metadata": {**metadata, "annotations": _ANNOTATIONS, "managedFields": managed}, **more}


def _pod_spec() -> dict[str, Any]:
    probe = {"httpGet": {"path": "/livez", "httpHeaders": [{"name": "Authorization", "value": f"Basic {PASSWORD}"}]}}
    container = {
        "name": "kubesum",
        "image": "kubesum:1",
        "args": ["serve", "--password", PASSWORD, f"--token={JWT}"],
        "command": ["sh", "-c", f"PASSWORD={PASSWORD} kubesum"],
        "env": [{"name": "A", "value": PASSWORD}, {"name": "B", "value": KEY}],
        "livenessProbe": probe,
    }
    volumes = [{"name": "v", "csi": {"driver": "d", "volumeAttributes": {"key": PASSWORD}}}]
    return {
        "serviceAccountName": "kubesum",
        "containers": [container],
        "initContainers": [{**container, "name": "wait"}],
        "volumes": volumes,
    }


def _answers() -> dict[str, Any]:
    """The object or text at each path."""
    template = {"spec": {"replicas": 1, "template": {"metadata": _object("t")["metadata"], "spec": _pod_spec()}}}
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "kubesum", "ready": True, "restartCount": 1}],
        "initContainerStatuses": [{"name": "wait", "ready": True, "restartCount": 2}],
    }
    port = {"name": "https", "port": 443, "targetPort": "https"}
    service = _object("kubesum", spec={"clusterIP": "10.0.0.1", "ports": [port], "selector": LABELS})
    registration = {
        "service": {"namespace": NAMESPACE, "name": "kubesum", "port": 443},
        "caBundle": b64encode(PAIR.certificate).decode(),
    }
    api_service = _object("a", spec=registration, status={"conditions": [CONDITION]})
    slices = {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.2"]}],
        "ports": [{"name": "https", "port": 10250}],
    }
    about = {"involvedObject": {"kind": "Pod", "name": POD}}
    other = {"involvedObject": {"kind": "Pod", "name": "database-0"}, "message": "of another application"}
    core, apps = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/apps/v1/namespaces/{NAMESPACE}"
    names = ("v1alpha1.summary.kubesum.dev", "v1alpha1.rollup.kubesum.dev")
    return {
        "/version": {"gitVersion": "v1.36.2"},
        "/apis/apiregistration.k8s.io/v1": {},
        **{f"/apis/apiregistration.k8s.io/v1/apiservices/{name}": api_service for name in names},
        f"{core}/services/kubesum": service,
        f"{core}/pods": {"items": [_object(POD, spec=_pod_spec(), status=status)]},
        f"{core}/configmaps": {"items": [_object("kubesum", data={"config": PASSWORD}, binaryData={"b": PASSWORD})]},
        f"{core}/secrets": {"items": [_object("kubesum-tls", data={"tls.key": b64encode(KEY.encode()).decode()})]},
        f"{core}/secrets/kubesum-tls": _object("kubesum-tls", data={"tls.key": PASSWORD}),
        f"{core}/events": {"items": [_object("e", message=f"token={PASSWORD}", **about), _object("f", **other)]},
        f"{apps}/deployments": {"items": [_object("kubesum", **template)]},
        f"{apps}/replicasets": {"items": [_object("kubesum-7", **template)]},
        f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices": {
            "items": [_object("kubesum-x", **slices)]
        },
        "/apis/kubesum.dev/v1alpha1/rollupdefinitions": {"items": [_object("r", spec={"password": PASSWORD})]},
        f"{PROXY}/readyz": "[+]ping ok\nreadyz check passed\n",
        f"{PROXY}/livez": "[+]ping ok\nlivez check passed\n",
        f"{PROXY}/version": {"gitVersion": f"v1-{JWT}"},
        f"{PROXY}/metrics": f'kubesum_build_info{{password="{PASSWORD}"}} 1\n',
        f"{PODS}/{POD}/log": _LOG,
    }


@dataclass
class PlantedCluster:
    """What was asked for, and the URL."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=_answers)

    async def answer(self, request: web.Request) -> web.Response:
        """The object or text at a path, or 404."""
        self.paths.append(request.path)
        found = self.answers.get(request.path)
        if isinstance(found, str):
            return web.Response(text=found)
        if found is None:
            message = f"{request.path} not found, said {PASSWORD}" if "secret" in request.path else "not found"
            return web.json_response({"kind": "Status", "code": 404, "message": message}, status=404)
        return web.json_response(found)


@asynccontextmanager
async def planted() -> AsyncIterator[PlantedCluster]:
    """The API server, on a free port of loopback."""
    cluster = PlantedCluster()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", cluster.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        cluster.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield cluster
    finally:
        await runner.cleanup()
