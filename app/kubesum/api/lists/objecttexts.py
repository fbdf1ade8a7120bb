"""Single objects as JSON, encoded once for all clients that get the same one.

A row is found again by its version, which no other row of its resource ever had, together with the version that it
is served with. Tables hold ages and are encoded for each request. Those used least recently are evicted when all
together exceed a number of bytes.
"""

from collections.abc import Callable
from typing import Final

from cachetools import LRUCache

from kubesum.api.lists.listing import encode_object
from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Include
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import Row, served
from kubesum.vocabulary.resource import ComputedResource

TEXTS_BYTES: Final = 2 * 1024 * 1024
_ENTRY_BYTES: Final = 400

_Key = tuple[str, str, Version, Version, Form, str]


class ObjectTexts:
    """The encoded objects of all resources."""

    def __init__(self, now: Callable[[], float], capacity_bytes: int = TEXTS_BYTES) -> None:
        """`now` gives seconds since 1970; `capacity_bytes` bounds the memory of the texts."""
        self._now: Final = now
        self._texts: Final[LRUCache[_Key, bytes]] = LRUCache(capacity_bytes, lambda text: len(text) + _ENTRY_BYTES)

    def drop(self) -> None:
        """Drops all texts."""
        self._texts.clear()

    def text(
        self, resource: ComputedResource, row: Row, floor: Version, form: Representation, include: Include
    ) -> bytes:
        """A published row in the requested form, served with no earlier version than `floor`."""
        if form.form is Form.TABLE:
            return encode_object(resource, served(row, floor), form, include, self._now())
        key = (
            resource.api_version,
            resource.plural,
            row.version,
            max(row.version, floor),
            form.form,
            form.api_version,
        )
        text = self._texts.get(key)
        if text is None:
            text = encode_object(resource, served(row, floor), form, include, self._now())
            if len(text) + _ENTRY_BYTES <= self._texts.maxsize:
                self._texts[key] = text
        return text
