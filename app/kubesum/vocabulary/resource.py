"""The declaration of a computed resource: one value from which everything else is derived.

Routes, discovery, OpenAPI, table columns, RBAC, the computation and the reference page are generated from
`ComputedResource` values. A declaration holds names, documentation and pure functions, never state.

How a row is computed: each member (a pod, a node, a row of another resource) belongs to one or more groups,
identified by the row's key, and contributes to each. A Tally sums the contributions of a group. `status` computes
the row's status from the Tally and the row's subject, the watched object that it is about.
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
ROLLUP_GROUP: Final = "rollup.kubesum.dev"
"""The group of the kinds that definitions make, in the same version."""
CATEGORY: Final = "summaries"

Key = tuple[str, str]
"""Identity of an object or a row: (namespace, name); the namespace of cluster-scoped kinds is empty."""


class Source(Enum):
    """The collections of the cache that resources are computed from; the value is used in messages."""

    PODS = "pods"
    """All pods, each with its workload, the zone of its node, and its usage if it is measured."""
    NODES = "nodes"
    """All nodes, each with its usage if it is measured."""
    NAMESPACES = "namespaces"
    WORKLOADS = "workloads"
    INFORMERS = "informers"


_JOINED: Final = frozenset({Source.NAMESPACES, Source.NODES})
"""What the members of joined folds are joined with."""


class ReaderRole(Enum):
    """A ClusterRole that allows reading resources; its name is `kubesum:` and the value."""

    VIEW = "view"
    METRICS = "metrics-reader"
    CLUSTER = "cluster-view"
    CLUSTER_IMAGES = "cluster-images"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a resource can't be served, and whether clients can expect to succeed later."""

    reason: str
    transient: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """A watched resource without a working watch, of which the server last sent something `age_s` ago."""

    resource: str
    age_s: float


class Subject(Protocol):
    """The watched object that a row is about; the row has its creationTimestamp and labels, and a uid made of its."""

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
    """A cell with an age: a time and the text around it; `3 (5m ago)` is Ago(t, "3 (", " ago)")."""

    since: datetime | None
    before: str = ""
    after: str = ""


Cell = str | int | Ago


@dataclass(frozen=True, slots=True)
class Column:
    """One table column: `name` is the printed header, `cell` takes a RowView; `wide` ones need `-o wide`."""

    name: str
    help: str
    cell: Callable[[Any], Cell]
    type: str = "string"
    format: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class RowView:
    """The parts of a row that cells are made of."""

    name: str
    created: datetime | None
    status: Any
    key: Any = None
    """The values of its keys, if its resource has a `row_key`."""


@dataclass(frozen=True, slots=True)
class Fold:
    """The groups that the members of a source belong to, and what they contribute to each.

    `over` is a Source or the plural of another computed resource, whose members are pairs (key, status).
    `contributions` gives (key, contribution) pairs for the groups of a member. It must depend on the member alone:
    when the member changes or is deleted, it is called again with the old member to subtract what was added.
    A key may be given several times. Pairs that stay in place with the same contribution cost next to nothing, so
    what many members have in common is best given as one shared tuple.
    `reads` names the attributes of a member (or of the status, over a resource) that the contributions depend on,
    such as `facts.node`: as long as these stay equal, the contributions are not made again. Empty means all.
    """

    over: "Source | str"
    contributions: Callable[[Any], Iterable[tuple[Key, Contribution]]]
    reads: tuple[str, ...] = ()
    is_joined: bool = False
    """Its members are JoinedMembers: with their namespace and node, and changed when the labels of those change."""


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """A field that field selectors may name: its path, and its value from (key, status)."""

    path: str
    value: Callable[[Key, Any], str]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A Prometheus gauge of rows: `samples` gives pairs of label values and value from a status.

    `labels` are the labels beside that of the row's name. The values of a label must be few, and a value is a number
    in the base unit that the name tells, or the label `unit`.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Any], Iterable[tuple[tuple[str, ...], str]]]


@dataclass(frozen=True, slots=True)
class RowKey:
    """What identifies a group beside its row's name: served as `key` beside the status.

    `struct` is a msgspec Struct of strings, whose fields can be selected by as `key.<field>`; `of` gives an instance
    from the row's subject.
    """

    struct: type[msgspec.Struct]
    of: Callable[[Any], msgspec.Struct]


@dataclass(frozen=True, slots=True)
class GroupLimit:
    """At most `most` groups have a row, the first by key; the others are added up in a row named `rest`.

    `identity` is the field of contributions that identifies a group: the row of the rest is without it.
    """

    most: int
    rest: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedResource:
    """The complete declaration of one resource.

    `status_type` is a msgspec Struct; each field has a description, a full sentence with its unit.
    `status(key, subject, tally)` is a pure function.
    `subjects` is the source of the rows' subjects; `subject_key` gives the key of a subject's row, None for no row.
    `fallback_subject(key, tally)` makes a row also of a group without a watched subject: it gives a substitute, made
    of what any single member contributes, or None for a row without a subject. Without this function such a group
    has no row.
    A resource without folds has one row for each subject, and nothing is summed.
    `shown` gives parts of a subject that the status has as they are: two subjects that differ in one have different
    statuses, which then need not be computed to be compared.
    `reader_roles` are the ClusterRoles that may read it; users who may view a namespace may read its namespaced
    ones too. A cluster-scoped resource without roles is for administrators.
    `gauges` are what Prometheus gets of its rows, where it is asked for (`--rollup-metrics`); `gauge_label` is the
    label that has the name of a row, empty for none.
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
    gauges: tuple[Gauge, ...] = ()
    gauge_label: str = ""
    shown: Callable[[Any], object] | None = None
    row_key: RowKey | None = None
    limit: GroupLimit | None = None
    singular_name: str = ""
    """The singular, if it is not the kind in lower case."""
    categories: tuple[str, ...] = (CATEGORY,)
    group: str = GROUP
    version: str = VERSION

    @property
    def singular(self) -> str:
        """The kind in lower case, which kubectl accepts as well."""
        return self.singular_name or self.kind.lower()

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
        """The ClusterRoles that may read it, with `kubesum:view` for a namespaced one."""
        # Namespaced rows are computed from pods and workloads, which users who may view the namespace may read.
        return frozenset((*self.reader_roles, ReaderRole.VIEW) if self.namespaced else self.reader_roles)

    @property
    def sources(self) -> frozenset[Source]:
        """The sources of its subjects and folds; resources that it folds over have further ones."""
        read = (self.subjects, *(fold.over for fold in self.folds))
        joined = _JOINED if any(fold.is_joined for fold in self.folds) else frozenset()
        return joined.union(source for source in read if isinstance(source, Source))
