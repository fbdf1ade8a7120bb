"""Rows, immutable.

A row is one served object: its key, the version at which it last changed, its subject, which is the watched object
that it is about, and its status. A row of a projection holds no status: it is a function of the subject, and computed
for each request, which halves the memory of a large cluster.
"""

import hashlib
import uuid
from typing import Any, Final

import msgspec

from kubesum.rollups.resourceversion import Version
from kubesum.vocabulary.resource import ComputedResource, Key, Subject
from kubesum.vocabulary.tally import Tally

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "kubesum.dev").bytes
_NO_MEMBERS: Final = Tally()


class Row(msgspec.Struct, frozen=True, gc=False):
    """One served object."""

    key: Key
    version: Version
    """0 in a row that is not published."""
    subject: Any
    """The watched object, a Subject; None for a row that exists by its members alone."""
    status: Any
    """The resource's status struct; None in a projection."""


def served(row: Row, floor: Version) -> Row:
    """The row as it is served: not with an earlier version than `floor`."""
    return row if row.version >= floor else Row(row.key, floor, row.subject, row.status)


def status_of(resource: ComputedResource, row: Row) -> Any:
    """The status of a row: an instance of the resource's status type."""
    if row.status is not None:
        return row.status
    return resource.status(row.key, row.subject, _NO_MEMBERS)


def uid_of(resource: ComputedResource, row: Row) -> str:
    """The uid of a row: the same on every replica and after a restart, different for another subject.

    UUIDv5 (RFC 9562, section 5.5) over group, kind, namespace, name and the subject's uid.
    """
    subject: Subject | None = row.subject
    parts = (resource.group, resource.kind, *row.key, subject.uid if subject else "")
    digest = bytearray(hashlib.sha1(_NAMESPACE + "\0".join(parts).encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def same_object(one: Row, other: Row) -> bool:
    """Whether two rows of the same key are about the same subject, and so have the same uid."""
    a: Subject | None = one.subject
    b: Subject | None = other.subject
    return (a.uid if a else "") == (b.uid if b else "")


def same_subject(one: Row | None, other: Row | None) -> bool:
    """Whether two states of a row have equal subjects, or the row exists in neither; statuses are not compared."""
    if one is None or other is None:
        return one is other
    return one.subject is other.subject or bool(one.subject == other.subject)


def same_content(resource: ComputedResource, one: Row | None, other: Row | None) -> bool:
    """Whether two states of a row are served alike but for their versions; None where there is no row."""
    if one is None or other is None:
        return one is other
    a: Subject | None = one.subject
    b: Subject | None = other.subject
    if a is not b:
        if a is None or b is None:
            return False
        if a.uid != b.uid or a.labels != b.labels or a.created != b.created:
            return False
        if resource.shown is not None and resource.shown(a) != resource.shown(b):
            return False
    return bool(status_of(resource, one) == status_of(resource, other))


def sharing(before: Row, after: Row) -> Row:
    """The row `after`, sharing with `before` the fields of the status that are equal.

    The journal keeps many states of a row, which mostly differ in one or two fields.
    """
    if before.status is None or after.status is None:
        return after
    parts = zip(msgspec.structs.astuple(before.status), msgspec.structs.astuple(after.status), strict=True)
    status = type(after.status)(*[old if old == new else new for old, new in parts])
    return Row(after.key, after.version, after.subject, status)
