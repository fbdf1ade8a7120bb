"""The declaration of a computed resource: one value from which everything else is derived.

Routes, discovery, OpenAPI, table columns, RBAC, the computation and the reference page all read a
`ComputedResource`; nothing else knows which resources exist. A declaration holds names, documentation and
pure functions, never state.

The computation it declares: members (pods, nodes, rows of other resources) are spread over groups by key; a
group adds up the contributions of its members; `status` turns a group and its subject into what is served.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Protocol

import msgspec

from kubesum.vocabulary.tally import Contribution, Tally

GROUP: Final = "summary.kubesum.dev"
VERSION: Final = "v1alpha1"
CATEGORY: Final = "summaries"


Key = tuple[str, str]
"""Identity of an object or a row: (namespace, name); the namespace of cluster-scoped kinds is empty."""


class Source(Enum):
    """What the cache offers to compute from; the value is what a person reads."""

    PODS = "pods"
    NODES = "nodes"
    NAMESPACES = "namespaces"
    WORKLOADS = "workloads"
    INFORMERS = "informers"
    MEASURED_PODS = "measured pods"
    """All pods, each with what it uses as far as that is known."""
    MEASURED_NODES = "measured nodes"
    """All nodes, likewise."""


class ReaderRole(Enum):
    """A ClusterRole by which people are given to read a resource; the value ends its name, `kubesum:...`."""

    VIEW = "view"
    METRICS = "metrics-reader"
    CLUSTER = "cluster-view"
    CLUSTER_IMAGES = "cluster-images"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why something can't be served, in a sentence, and whether that passes by waiting."""

    reason: str
    transient: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """A watched resource whose watch is failing or silent, and when its last event arrived, in seconds since 1970."""

    resource: str
    last_event_at: float


class Subject(Protocol):
    """The watched object that a row is about; its metadata becomes the row's."""

    @property
    def uid(self) -> str:
        """Uid of the watched object."""

    @property
    def created(self) -> datetime | None:
        """creationTimestamp of the watched object."""

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the watched object."""


@dataclass(frozen=True, slots=True)
class Ago:
    """A cell that tells an age: the time and the text around it, `3 (5m ago)` is Ago(t, "3 (", " ago)")."""

    since: datetime | None
    before: str = ""
    after: str = ""


Cell = str | int | Ago


@dataclass(frozen=True, slots=True)
class Column:
    """One table column: `name` is the header as printed, `cell` takes the row's view (see `RowView`)."""

    name: str
    help: str
    cell: Callable[[Any], Cell]
    type: str = "string"
    format: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class RowView:
    """What a column sees of a row."""

    name: str
    created: datetime | None
    status: Any


@dataclass(frozen=True, slots=True)
class Fold:
    """How members of `over` are spread over the groups of a resource.

    `over` is a Source or the plural of another computed resource, whose members are pairs (key, status).
    `contributions` yields a (key, contribution) pair for each group that the member belongs to; what it yields must
    depend on the member alone, so that leaving subtracts exactly what joining added.
    """

    over: "Source | str"
    contributions: Callable[[Any], Iterable[tuple[Key, Contribution]]]


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """A field that clients may select by: its path and how to read it from (key, status)."""

    path: str
    value: Callable[[Key, Any], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedResource:
    """One computed resource, whole.

    `status_type` is a msgspec Struct whose fields each carry a description (a full sentence with its unit).
    `status(key, subject, tally)` is pure. `subjects` names the source of the rows' subjects and `subject_key`
    the row that a subject has (None: it has no row). `fallback_subject` makes rows of groups without a subject, and
    gives what stands in for the subject, or None, also where one member of one fold is all that is there; without
    it members alone make no row.
    A resource without folds is a projection of its subjects.
    `reader_roles` are the roles that may read it, besides those who may view its namespace; a cluster-scoped
    resource that names none is for administrators.
    """

    kind: str
    plural: str
    short_names: tuple[str, ...]
    namespaced: bool
    help: str
    status_type: type[msgspec.Struct]
    status: Callable[[Key, Any, Tally], Any]
    columns: tuple[Column, ...]
    subjects: Source | None
    subject_key: Callable[[Any], Key | None]
    folds: tuple[Fold, ...] = ()
    fallback_subject: Callable[[Key, Tally], Subject | None] | None = None
    field_selectors: tuple[FieldSelector, ...] = ()
    reader_roles: tuple[ReaderRole, ...] = ()
    group: str = GROUP
    version: str = VERSION

    @property
    def singular(self) -> str:
        """The kind in lower case, as kubectl accepts it."""
        return self.kind.lower()

    @property
    def resource_group(self) -> str:
        """`plural.group`, as error messages name a resource."""
        return f"{self.plural}.{self.group}"

    @property
    def api_version(self) -> str:
        """`group/version`."""
        return f"{self.group}/{self.version}"

    @property
    def all_reader_roles(self) -> frozenset[ReaderRole]:
        """The roles that may read it."""
        # Who may view a namespace may read the pods in it, from which it is all computed.
        return frozenset((*self.reader_roles, ReaderRole.VIEW) if self.namespaced else self.reader_roles)

    @property
    def sources(self) -> frozenset[Source]:
        """The sources that it reads itself; those of the resources it folds over come on top."""
        read = (self.subjects, *(fold.over for fold in self.folds))
        return frozenset(source for source in read if isinstance(source, Source))
