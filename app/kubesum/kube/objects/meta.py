"""metav1, and the envelopes of responses: object and list metadata, conditions, watch events, Status, discovery.

Names and shapes: k8s.io/apimachinery/pkg/apis/meta/v1.
"""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A metav1.Time: RFC 3339 always names the zone, so that any two can be compared.

Some clients write Go's zero time, 0001-01-01T00:00:00Z, where there is none; metav1.Time itself is null then
(k8s.io/apimachinery/pkg/apis/meta/v1/time.go, MarshalJSON). The views hold None for it.
"""


def drop_zero_times(view: msgspec.Struct, *names: str) -> None:
    """Replaces Go's zero time in these fields of a new view by None."""
    for name in names:
        time = getattr(view, name)
        if time is not None and time.year == 1:
            msgspec.structs.force_setattr(view, name, None)


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """The annotations that kubesum reads."""

    mirror: str | None = msgspec.field(default=None, name="kubernetes.io/config.mirror")
    initial_events_end: str | None = msgspec.field(default=None, name="k8s.io/initial-events-end")


class OwnerReference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """metav1.OwnerReference."""

    kind: str
    name: str
    uid: str = ""
    api_version: str = "v1"
    controller: bool = False


class Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """metav1.ObjectMeta."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = {}
    annotations: Annotations = Annotations()
    owner_references: tuple[OwnerReference, ...] = ()

    def __post_init__(self) -> None:
        drop_zero_times(self, "creation_timestamp", "deletion_timestamp")


class ListMetadata(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={"continue_": "continue", "resource_version": "resourceVersion"},
):
    """metav1.ListMeta."""

    resource_version: str = ""
    continue_: str = ""


class Identified(msgspec.Struct, frozen=True, gc=False):
    """An object of which only its metadata are read."""

    metadata: Metadata = Metadata()


class Condition(msgspec.Struct, frozen=True, gc=False):
    """The common part of PodCondition, NodeCondition, DeploymentCondition and JobCondition."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


T = TypeVar("T")


class WatchEvent(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """metav1.WatchEvent with the view of one kind."""

    type: str
    object: T


class Status(msgspec.Struct, frozen=True, gc=False):
    """metav1.Status of a failed request."""

    code: int = 0
    reason: str = ""
    message: str = ""


class GroupVersion(msgspec.Struct, frozen=True, gc=False):
    """metav1.GroupVersionForDiscovery."""

    version: str = ""


class ApiGroup(msgspec.Struct, frozen=True, gc=False):
    """metav1.APIGroup."""

    versions: tuple[GroupVersion, ...] = ()
