"""The condition Available of the APIService: its checks, and the controller that runs them.

Follows k8s.io/kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go in the order of the checks
and in their reasons and messages.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import aiohttp
import msgspec

from kubesim.access.authentication import MASTERS, User
from kubesim.aggregation import forwarding
from kubesim.aggregation.discoverymanager import DiscoveryManager
from kubesim.aggregation.extensionclient import ExtensionClient
from kubesim.aggregation.forwarding import Headers
from kubesim.aggregation.registration import SERVICE_LABEL, ServicePort, ServiceReference, service_spec
from kubesim.installation import Installation
from kubesim.store.store import JsonObject, Store

_INTERVAL_S: Final = 30.0
_PROBES: Final = 5
_FIRST_RETRY_S: Final = 0.005
_LONGEST_RETRY_S: Final = 1.0
"""Less than the 30 s of kube-aggregator, so that tests need not wait for a server that restarts."""
_USER: Final = User("system:kube-aggregator", (MASTERS,))
_CHECKED: Final = ("apiservices", "endpointslices", "services")
"""The resources that the checks read."""


@dataclass(frozen=True, slots=True)
class Availability:
    """The reason and message of the condition Available."""

    reason: str
    message: str

    @property
    def is_available(self) -> bool:
        """The status of the condition."""
        return self.reason == "Passed"


PASSED: Final = Availability("Passed", "all checks passed")


class _Conditions(msgspec.Struct, frozen=True):
    ready: bool | None = None


class _Endpoint(msgspec.Struct, frozen=True):
    addresses: tuple[str, ...] = ()
    conditions: _Conditions = _Conditions()


class _EndpointSlice(msgspec.Struct, frozen=True):
    endpoints: tuple[_Endpoint, ...] | None = ()
    ports: tuple[ServicePort, ...] | None = ()


class AvailabilityController:
    """Checks the extension server and writes the condition; triggers `discovery` when it becomes available."""

    def __init__(
        self, store: Store, installation: Installation, client: ExtensionClient, discovery: DiscoveryManager
    ) -> None:
        self._store: Final = store
        self._installation: Final = installation
        self._client: Final = client
        self._discovery: Final = discovery
        self._availability: Availability | None = None
        self._registered: JsonObject = {}

    @property
    def is_available(self) -> bool:
        """Whether the latest checks passed."""
        return self._availability == PASSED

    def reset(self) -> None:
        """Drops the result of the latest checks, for another extension server."""
        self._availability = None

    async def run(self) -> None:
        """Checks after each change of what the checks read, and periodically, until cancelled."""
        retry_s = _FIRST_RETRY_S
        while True:
            version = self._store.version
            availability = await self._check()
            if not self._changed_since(version):
                self._record(availability)
                version = self._store.version
            has_passed = availability in (None, PASSED)
            retry_s = _FIRST_RETRY_S if has_passed else min(2 * retry_s, _LONGEST_RETRY_S)
            await self._wait_for_change(version, _INTERVAL_S if has_passed else retry_s)

    async def _check(self) -> Availability | None:
        """The result of all checks, None without an APIService."""
        api_service = self._client.api_service
        if api_service is None:
            return None
        return service_problem(self._store, api_service.service) or await self._probe()

    async def _probe(self) -> Availability:
        """Passed if one of several requests in parallel succeeds."""
        url = f"https://{self._client.service_address}{self._installation.root}"
        errors = await asyncio.gather(*(self._probe_once(url) for _ in range(_PROBES)))
        if "" in errors:
            return PASSED
        return Availability("FailedDiscoveryCheck", f"failing or missing response from {url}: {errors[0]}")

    async def _probe_once(self, url: str) -> str:
        """The error of one request, empty if it succeeds."""
        headers = Headers({"User-Agent": "Go-http-client/1.1"})
        headers.extend(forwarding.identity(_USER))
        try:
            fetched = await self._client.fetch(self._installation.root, headers)
        except (aiohttp.ClientError, OSError) as error:
            return f'Get "{url}": {await self._client.error_text(error)}'
        return "" if 200 <= fetched.code < 300 else f"bad status from {url}: {fetched.code}"

    def _record(self, availability: Availability | None) -> None:
        previous, self._availability = self._availability, availability
        registered, self._registered = self._registered, self._registration()
        if availability is None:
            self._discovery.mark_unregistered()
            return
        write_condition(self._store, self._installation.api_service_name, availability)
        # kube-aggregator reads discovery again after each update of an APIService: pkg/apiserver/
        # handler_discovery.go, AddAPIService.
        if availability == PASSED and (previous != PASSED or registered != self._registered):
            self._discovery.trigger()

    def _registration(self) -> JsonObject:
        """The APIService as users write it, without its status; empty if there is none."""
        stored = self._store.get("apiservices", "", self._installation.api_service_name)
        obj = stored.decoded() if stored is not None else {}
        metadata = obj.get("metadata", {})
        return {"spec": obj.get("spec"), **{name: metadata.get(name) for name in ("annotations", "labels", "uid")}}

    def _changed_since(self, version: int) -> bool:
        return max(map(self._store.version_of, _CHECKED)) > version

    async def _wait_for_change(self, version: int, timeout_s: float) -> None:
        """Waits until something that the checks read has changed after `version`, or for the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._changed_since(version):
                    await self._store.wait_for(self._store.version + 1)
        except TimeoutError:
            return


def service_problem(store: Store, service: ServiceReference) -> Availability | None:
    """The first failed check of a Service and its endpoints, None if all pass."""
    if store.get("services", service.namespace, service.name) is None:
        return Availability("ServiceNotFound", f"{service} is not present")
    names = [port.name for port in service_spec(store, service).ports if port.port == service.port]
    if not names:
        return Availability("ServicePortError", f"{service} is not listening on port {service.port}")
    slices = list(_endpoint_slices(store, service))
    if not slices:
        return Availability("EndpointsNotFound", f"cannot find endpointslices for {service}")
    if not any(_has_ready_address(one, names[0]) for one in slices):
        message = f'endpointslices for {service} have no addresses with port name "{names[0]}"'
        return Availability("MissingEndpoints", message)
    return None


def write_condition(store: Store, name: str, availability: Availability) -> None:
    """Writes the condition into the status of an APIService if it differs from the stored one."""
    stored = store.get("apiservices", "", name)
    if stored is None:
        return
    obj = stored.decoded()
    previous: JsonObject = next(iter(obj.get("status", {}).get("conditions", ())), {})
    condition = {
        "type": "Available",
        "status": "True" if availability.is_available else "False",
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": availability.reason,
        "message": availability.message,
    }
    if previous.get("status") == condition["status"]:
        condition["lastTransitionTime"] = previous["lastTransitionTime"]
    if previous != condition:
        store.put("apiservices", {**obj, "status": {"conditions": [condition]}})


def _endpoint_slices(store: Store, service: ServiceReference) -> Iterator[_EndpointSlice]:
    for stored in store.list("endpointslices", service.namespace):
        if stored.labels.get(SERVICE_LABEL) == service.name:
            yield msgspec.json.decode(stored.body, type=_EndpointSlice)


def _has_ready_address(one: _EndpointSlice, port_name: str) -> bool:
    """Whether a slice has the port and an address that is ready; an unset condition counts as ready."""
    has_address = any(
        endpoint.addresses and endpoint.conditions.ready is not False for endpoint in one.endpoints or ()
    )
    return has_address and any(port.name == port_name for port in one.ports or ())
