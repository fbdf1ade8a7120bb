"""metrics.k8s.io of a simulated cluster: usage of pods and nodes, as metrics-server serves it.

The versions that are served are those with an APIService in the store: deleting one ends it, and one that is not
available is answered with 503, though it is still discovered, as by kube-aggregator.
All responses within RESOLUTION_S come from one batch of measurements, which the first request makes. Limits and
versions are ignored; there is no watch. Follows metrics-server/pkg/api and pkg/storage.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kubesim.apierrors import MethodNotAllowed, NotFound, ServiceUnavailable, StatusDetails, no_such_path
from kubesim.apiserver.listing import Page, streamed
from kubesim.apiserver.throttle import Throttle
from kubesim.objects.parts import stamp
from kubesim.requests.options import list_options
from kubesim.requests.requestinfo import RequestInfo
from kubesim.responses import discovery
from kubesim.responses.httpresponses import JSON, StreamedResponse
from kubesim.responses.representations import LIST_FORMS, OBJECT_FORMS, requested_rendering
from kubesim.store.apiresources import METRICS_GROUP, METRICS_RESOURCES, METRICS_VERSIONS, ApiResource
from kubesim.store.store import JsonObject, Key, Store, StoredObject
from kubesim.world.metering import (
    RESOLUTION_S,
    Pod,
    Usage,
    container_usage,
    is_measured,
    is_unreachable,
    metered_pod,
    node_usage,
    scraped_at,
    window_ms,
)

_SLICE: Final = 200


@dataclass(slots=True)
class _Batch:
    """The measurements of one tick: by plural, the objects in order of their keys."""

    tick: int = -1
    objects: dict[str, dict[Key, StoredObject]] = field(
        default_factory=lambda: {resource.plural: {} for resource in METRICS_RESOURCES}
    )


class MetricsServer:
    """Measures the pods and nodes of one store; `now` returns seconds since 1970."""

    def __init__(self, store: Store, throttle: Throttle, now: Callable[[], float] = time.time) -> None:
        self._store: Final = store
        self._throttle: Final = throttle
        self._now: Final = now
        self._batch = _Batch()
        self._measuring: Final = asyncio.Lock()
        self._pods: dict[Key, tuple[int, Pod]] = {}

    @property
    def group_versions(self) -> tuple[tuple[str, str], ...]:
        """The (group, version) pairs that are discovered, in order of preference."""
        return tuple((METRICS_GROUP, version) for version in METRICS_VERSIONS if self._api_service(version))

    def resource_list(self, version: str) -> JsonObject | None:
        """APIResourceList of one version; raises ApiError if it is not served or not available."""
        self._check_available(version)
        return discovery.resource_list(METRICS_GROUP, version)

    async def response(self, request: Request, info: RequestInfo, query: Mapping[str, str]) -> Response:
        """The response to a request for a resource of metrics.k8s.io; raises ApiError."""
        resource = _resource(info)
        self._check_available(info.version)
        if info.verb == "list":
            return await self._list(request, resource, info, query)
        if info.verb == "get":
            return await self._get(request, resource, info, query)
        raise MethodNotAllowed(f'{info.verb} is not supported on resources of kind "{resource.group_resource}"')

    def _check_available(self, version: str) -> None:
        api_service = self._api_service(version)
        if api_service is None:
            raise no_such_path()
        conditions = api_service.decoded().get("status", {}).get("conditions", [])
        if any(one["type"] == "Available" and one["status"] != "True" for one in conditions):
            raise ServiceUnavailable("the server is currently unable to handle the request")

    def _api_service(self, version: str) -> StoredObject | None:
        return self._store.get("apiservices", "", f"{version}.{METRICS_GROUP}")

    async def _list(
        self, request: Request, resource: ApiResource, info: RequestInfo, query: Mapping[str, str]
    ) -> Response:
        selection = list_options(resource, query).selection
        rendering = requested_rendering(request.headers, resource, LIST_FORMS, query)
        objects = (await self._current_batch()).objects[resource.plural].values()
        found = [one for one in objects if info.namespace in ("", one.namespace) and selection.matches(one)]
        return StreamedResponse(streamed(Page(found, {}), rendering, self._throttle))

    async def _get(
        self, request: Request, resource: ApiResource, info: RequestInfo, query: Mapping[str, str]
    ) -> Response:
        rendering = requested_rendering(request.headers, resource, OBJECT_FORMS, query)
        found = (await self._current_batch()).objects[resource.plural].get((info.namespace, info.name))
        if found is None:
            raise self._not_found(resource, info)
        return Response(rendering.document(found), media_type=JSON)

    def _not_found(self, resource: ApiResource, info: RequestInfo) -> NotFound:
        if self._store.get(resource.plural, info.namespace, info.name) is None:
            details = StatusDetails(name=info.name, kind=resource.plural)
            return NotFound(f'{resource.plural} "{info.name}" not found', details)
        name = f"{info.namespace}/{info.name}" if resource.namespaced else info.name
        what = resource.kind.lower()
        details = StatusDetails(name=name, group=METRICS_GROUP, kind=what)
        return NotFound(f'{what}.{METRICS_GROUP} "{name}" not found', details)

    async def _current_batch(self) -> _Batch:
        """The batch of the current tick."""
        async with self._measuring:
            tick = int(self._now()) // RESOLUTION_S
            if self._batch.tick != tick:
                self._batch = await self._measure(tick)
            return self._batch

    async def _measure(self, tick: int) -> _Batch:
        batch = _Batch(tick)
        created = stamp(datetime.fromtimestamp(self._now(), UTC))
        unreachable = {stored.name for stored in self._store.list("nodes") if is_unreachable(stored)}
        used: dict[str, list[Usage]] = {}
        async for pod in self._pods_in_slices():
            if not pod.containers or pod.node in unreachable:
                continue
            at = scraped_at(pod.node, tick)
            usages = [container_usage(one, tick, at) for one in pod.containers]
            used.setdefault(pod.node, []).extend(usages)
            if all(is_measured(one, at) for one in pod.containers):
                stored = _pod_metrics(pod, usages, at, created)
                batch.objects["pods"][stored.key] = stored
        for node in self._store.list("nodes"):
            if node.name not in unreachable:
                usage = node_usage(node.name, used.get(node.name, ()), tick)
                batch.objects["nodes"][node.key] = _node_metrics(node, usage, scraped_at(node.name, tick), created)
        return batch

    async def _pods_in_slices(self) -> AsyncIterator[Pod]:
        """All pods; those that did not change are not decoded again."""
        previous, self._pods = self._pods, {}
        for number, stored in enumerate(self._store.list("pods")):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            version, pod = previous.get(stored.key, (0, None))
            if pod is None or version != stored.version:
                pod = metered_pod(stored)
            self._pods[stored.key] = (stored.version, pod)
            yield pod


def _pod_metrics(pod: Pod, usages: Iterable[Usage], at: int, created: str) -> StoredObject:
    body = {
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "creationTimestamp": created,
            "labels": pod.labels,
        },
        **_measurement(at, window_ms(pod.containers, at)),
        "containers": [
            {"name": one.name, "usage": usage.quantities} for one, usage in zip(pod.containers, usages, strict=True)
        ],
    }
    return StoredObject(pod.namespace, pod.name, 0, pod.labels, {}, msgspec.json.encode(body))


def _node_metrics(node: StoredObject, usage: Usage, at: int, created: str) -> StoredObject:
    body = {
        "metadata": {"name": node.name, "creationTimestamp": created, "labels": node.labels},
        **_measurement(at, RESOLUTION_S * 1000 + at % 90),
        "usage": usage.quantities,
    }
    return StoredObject("", node.name, 0, node.labels, {}, msgspec.json.encode(body))


def _measurement(at: int, window_ms: int) -> JsonObject:
    return {"timestamp": stamp(datetime.fromtimestamp(at, UTC)), "window": f"{window_ms / 1000:g}s"}


def metrics_api_service(version: str, available: bool = True) -> JsonObject:
    """The APIService of one version, with the condition that the aggregator sets.

    metrics-server/manifests/base/apiservice.yaml.
    """
    passed = {"status": "True", "reason": "Passed", "message": "all checks passed"}
    failed = {"status": "False", "reason": "MissingEndpoints", "message": "endpoints have no addresses"}
    return {
        "metadata": {"name": f"{version}.{METRICS_GROUP}"},
        "spec": {
            "group": METRICS_GROUP,
            "version": version,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"name": "metrics-server", "namespace": "kube-system", "port": 443},
            "insecureSkipTLSVerify": True,
        },
        "status": {"conditions": [{"type": "Available", **(passed if available else failed)}]},
    }


def _resource(info: RequestInfo) -> ApiResource:
    for resource in METRICS_RESOURCES:
        is_misplaced = info.namespace != "" and not resource.namespaced
        names = (resource.version, resource.plural)
        if names == (info.version, info.resource) and not info.subresource and not is_misplaced:
            return resource
    raise no_such_path()
