"""kubesum's objects: what registers it, what it runs as, what routes to it, and what it may do.

Those that the chart makes are found by their labels. No Secret is among them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from kubesum.doctor.bundle.reader import Reader
from kubesum.doctor.bundle.redaction import JsonValue
from kubesum.doctor.checks.registration import API_SERVICES
from kubesum.doctor.cluster import labels_text
from kubesum.doctor.views import Pod, ServiceReference
from kubesum.edge.authn.requestheader import CONFIG_MAP
from kubesum.render.rbac import NAME_PREFIX
from kubesum.resources import clustersummaries
from kubesum.rollupdefinitions.definition import DEFINITION_GROUP, DEFINITION_PLURAL
from kubesum.rollupdefinitions.watched import WATCHED_DEFINITIONS

_NAME: Final = "app.kubernetes.io/name"
_APPLICATION: Final = "kubesum"
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
_DEFINITION: Final = f"{DEFINITION_PLURAL}.{DEFINITION_GROUP}"
_CLUSTER_SUMMARY: Final = clustersummaries.RESOURCE
_MAX_EVENTS: Final = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """Where kubesum is, and the labels of its pods."""

    service: ServiceReference
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """The name of the application, which is in the labels of all its objects."""
        return self.labels.get(_NAME, _APPLICATION)

    @property
    def core(self) -> str:
        """The path of the namespace."""
        return f"/api/v1/namespaces/{self.service.namespace}"

    def of(self, group_version: str) -> str:
        """The path of the namespace in an API group."""
        return f"/apis/{group_version}/namespaces/{self.service.namespace}"


async def collect_cluster_objects(reader: Reader, api_services: Sequence[str]) -> None:
    """Adds what is in no namespace of kubesum's own."""
    for name in api_services:
        await reader.object(f"objects/apiservices/{name}.json", f"{API_SERVICES}/{name}")
    namespace, name = CONFIG_MAP
    await reader.object(f"objects/{name}.json", f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    await reader.object(
        "objects/customresourcedefinition.json",
        f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{_DEFINITION}",
    )
    await reader.listed("objects/rollupdefinitions.json", WATCHED_DEFINITIONS.path)
    await reader.object(
        "objects/clustersummary.json",
        f"/apis/{_CLUSTER_SUMMARY.api_version}/{_CLUSTER_SUMMARY.plural}/{clustersummaries.CLUSTER[1]}",
    )


async def place_of(reader: Reader, reference: ServiceReference) -> Place:
    """Adds the Service; where kubesum is, by the labels that it selects or else by the application's name."""
    path = f"/api/v1/namespaces/{reference.namespace}/services/{reference.name}"
    service = await reader.object("objects/service.json", path)
    spec = service.get("spec") if isinstance(service, dict) else None
    selector = spec.get("selector") if isinstance(spec, dict) else None
    return Place(reference, selector or {_NAME: _APPLICATION})


async def collect_objects(reader: Reader, place: Place) -> Sequence[Pod]:
    """Adds the objects in kubesum's namespace, and its roles; gives its pods."""
    selected = labels_text(place.labels)
    named = labels_text({_NAME: place.name})
    core, apps, policy = place.core, place.of("apps/v1"), place.of("policy/v1")
    deployments = await reader.listed("objects/deployments.json", f"{apps}/deployments", labelSelector=selected)
    await reader.listed("objects/replicasets.json", f"{apps}/replicasets", labelSelector=selected)
    pods = _pods(await reader.listed("objects/pods.json", f"{core}/pods", labelSelector=selected))
    of_service = labels_text({"kubernetes.io/service-name": place.service.name})
    slices = f"{place.of('discovery.k8s.io/v1')}/endpointslices"
    await reader.listed("objects/endpointslices.json", slices, labelSelector=of_service)
    for resource in ("configmaps", "serviceaccounts"):
        await reader.listed(f"objects/{resource}.json", f"{core}/{resource}", labelSelector=named)
    await reader.listed("objects/poddisruptionbudgets.json", f"{policy}/poddisruptionbudgets", labelSelector=named)
    policies = f"{place.of('networking.k8s.io/v1')}/networkpolicies"
    await reader.listed("objects/networkpolicies.json", policies, labelSelector=named)
    await _collect_roles(reader, place, {pod.spec.service_account_name for pod in pods} or {place.name})
    prefixes = [_name_of(one) for one in deployments] or [place.name]
    await reader.listed("objects/events.json", f"{core}/events", _is_about(prefixes), limit=str(_MAX_EVENTS))
    return pods


def _pods(items: Sequence[JsonValue]) -> Sequence[Pod]:
    """The pods of a list; those that are none are left out."""
    found = []
    for item in items:
        try:
            found.append(msgspec.convert(item, Pod))
        except msgspec.ValidationError:
            continue
    return found


def _name_of(found: JsonValue) -> str:
    """The name of an object, empty if it has none."""
    metadata = found.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


async def _collect_roles(reader: Reader, place: Place, accounts: Collection[str]) -> None:
    """Adds roles and bindings of kubesum, also those that were not made by the chart."""
    own = place.of(_RBAC.removeprefix("/apis/"))
    keep = _is_role_of(place, accounts)
    for name, path in (
        ("clusterroles", f"{_RBAC}/clusterroles"),
        ("clusterrolebindings", f"{_RBAC}/clusterrolebindings"),
        ("roles", f"{own}/roles"),
        ("rolebindings", f"{own}/rolebindings"),
        (f"rolebindings-{CONFIG_MAP[0]}", f"{_RBAC}/namespaces/{CONFIG_MAP[0]}/rolebindings"),
    ):
        await reader.listed(f"objects/{name}.json", path, keep)


def _is_role_of(place: Place, accounts: Collection[str]) -> Callable[[JsonValue], bool]:
    """Whether a role, a binding, or the role of a binding is named after kubesum, or a ServiceAccount is bound."""

    def keep(found: JsonValue) -> bool:
        names = {_name_of(found), _name_of({"metadata": found.get("roleRef")})}
        if any(name.startswith(NAME_PREFIX) for name in names) or place.name in names:
            return True
        subjects = [one for one in found.get("subjects") or () if isinstance(one, dict)]
        return any((one.get("namespace"), one.get("name")) in bound for one in subjects)

    bound = {(place.service.namespace, account) for account in accounts}
    return keep


def _is_about(prefixes: Sequence[str]) -> Callable[[JsonValue], bool]:
    """Whether an event is about one of these Deployments, or what is named after one, also if it is gone."""

    def keep(event: JsonValue) -> bool:
        name = _name_of({"metadata": event.get("involvedObject")})
        return any(name == prefix or name.startswith(f"{prefix}-") for prefix in prefixes)

    return keep
