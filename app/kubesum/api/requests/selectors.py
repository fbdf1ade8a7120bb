"""Selectors of rows by labels and fields.

A `Selector` is hashable and equal for all ways to write it, so that lists can be cached by its text and watches with
the same selector can share their events. It is validated against its resource when it is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import UNSET

from kubesum.api.requests import fieldselectors, labelselectors
from kubesum.api.requests.fieldselectors import FieldRequirement, exact_value
from kubesum.api.requests.labelselectors import LabelRequirement
from kubesum.rollups.rows import Row, status_of
from kubesum.vocabulary.errors import BadRequest
from kubesum.vocabulary.quoting import quoted
from kubesum.vocabulary.resource import ComputedResource

NAME: Final = "metadata.name"
NAMESPACE: Final = "metadata.namespace"
MAX_SELECTOR_CHARACTERS: Final = 64 * 1024
"""A longer selector is refused: each row would be compared with tens of thousands of requirements."""

_PART_OF_KEY: Final = {NAMESPACE: 0, NAME: 1}


@dataclass(frozen=True, slots=True)
class Selector:
    """Requirements that a selected row meets, all of them; without any it selects every row, and is falsy."""

    labels: tuple[LabelRequirement, ...] = ()
    fields: tuple[FieldRequirement, ...] = ()

    def __len__(self) -> int:
        return len(self.labels) + len(self.fields)

    @property
    def text(self) -> str:
        """The selector in one form for all ways to write it; empty if it selects everything."""
        if not self:
            return ""
        return f"{','.join(r.text for r in self.labels)};{','.join(r.text for r in self.fields)}"

    def exact_name(self) -> str | None:
        """The only name that selected rows can have, None if several can."""
        return exact_value(self.fields, NAME)

    def exact_namespace(self) -> str | None:
        """The only namespace that selected rows can have, None if several can."""
        return exact_value(self.fields, NAMESPACE)

    def require_name(self, name: str) -> None:
        """Raises BadRequest if the selector has fields and does not select the object `name`."""
        if self.fields and self.exact_name() != name:
            raise BadRequest("fieldSelector metadata.name doesn't match requested name")

    def matches(self, resource: ComputedResource, row: Row) -> bool:
        """Whether a row of `resource` is selected."""
        return self.predicate(resource)(row)

    def predicate(self, resource: ComputedResource) -> Callable[[Row], bool]:
        """`matches` for many rows of one resource."""
        if not self:
            return _everything
        of_key = [(r, _PART_OF_KEY[r.path]) for r in self.fields if r.path in _PART_OF_KEY]
        keys = _key_fields(resource)
        of_group = [(r, keys[r.path]) for r in self.fields if r.path in keys]
        of_status = [(r, _reader(resource, r.path)) for r in self.fields if r.path not in (*_PART_OF_KEY, *keys)]

        def selected(row: Row) -> bool:
            if not all([field.admits(row.key[part]) for field, part in of_key]):
                return False
            if self.labels and not self._admits_labels(row):
                return False
            if of_group and not all(field.admits(_group_value(resource, row, name)) for field, name in of_group):
                return False
            if not of_status:
                return True
            if not row.version and resource.folds:
                # A state that was never published and whose members are gone: its status is unknown.
                return True
            # Last, because it may have to compute the status.
            status = status_of(resource, row)
            return all(field.admits(value(row.key, status)) for field, value in of_status)

        return selected

    def _admits_labels(self, row: Row) -> bool:
        labels = row.subject.labels if row.subject else {}
        return all(label.admits(labels) for label in self.labels)


EVERYTHING: Final = Selector()


def selector(labels: str, fields: str, resource: ComputedResource) -> Selector:
    """The selector of a labelSelector and a fieldSelector on `resource`; empty texts select everything.

    Raises BadRequest.
    """
    if not labels and not fields:
        return EVERYTHING
    for parameter, text in (("labelSelector", labels), ("fieldSelector", fields)):
        if len(text) > MAX_SELECTOR_CHARACTERS:
            raise BadRequest(f"{parameter} is longer than {MAX_SELECTOR_CHARACTERS} characters")
    of_labels = {r.text: r for r in labelselectors.parse(labels)}
    of_fields = {r.text: r for r in fieldselectors.parse(fields)}
    _require_known({r.path: None for r in of_fields.values()}, resource)
    return Selector(
        tuple(requirement for _, requirement in sorted(of_labels.items())),
        tuple(requirement for _, requirement in sorted(of_fields.items())),
    )


def _require_known(paths: dict[str, None], resource: ComputedResource) -> None:
    known = field_paths(resource)
    for path in paths:
        if path not in known:
            # The sentence of k8s.io/apimachinery/pkg/runtime/conversion.go, DefaultMetaV1FieldSelectorConversion.
            known_paths = ", ".join(map(quoted, known))
            raise BadRequest(f"{quoted(path)} is not a known field selector: only {known_paths}")


def field_paths(resource: ComputedResource) -> tuple[str, ...]:
    """The fields that objects of `resource` can be selected by."""
    return (NAME, NAMESPACE, *(field.path for field in resource.field_selectors), *_key_fields(resource))


def _key_fields(resource: ComputedResource) -> dict[str, str]:
    """The names of the fields of `key` by their paths."""
    if resource.row_key is None:
        return {}
    return {f"key.{field.encode_name}": field.name for field in msgspec.structs.fields(resource.row_key.struct)}


def _group_value(resource: ComputedResource, row: Row, name: str) -> str:
    """The value of a key of a row; empty for the row of the rest, which has none."""
    key = resource.row_key.of(row.subject) if resource.row_key is not None and row.subject is not None else None
    return getattr(key, name, UNSET) or ""


def _reader(resource: ComputedResource, path: str) -> Callable[..., str]:
    return next(field.value for field in resource.field_selectors if field.path == path)


def _everything(_: Row) -> bool:
    return True
