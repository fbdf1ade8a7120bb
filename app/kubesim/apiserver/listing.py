"""Lists: pages of one consistent state, streamed from the stored JSON of the objects."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from kubesim.apierrors import BadRequest, Expired, StatusCause, StatusDetails, Timeout
from kubesim.apiserver.throttle import Throttle
from kubesim.requests.options import ListOptions
from kubesim.responses.representations import LIST_END, Rendering
from kubesim.store.store import JsonObject, Key, Store, StoredObject

CHUNK_BYTES: Final = 256 * 1024
BLOCK_TIMEOUT_S: Final = 3
"""How long a request waits for a resourceVersion that is not reached yet (storage/cacher, blockTimeout)."""

_SNAPSHOTS_KEPT: Final = 64
_TOO_OLD: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter."
)


class _Token(msgspec.Struct, frozen=True):
    """k8s.io/apiserver/pkg/storage/continue.go."""

    v: str
    rv: int
    start: str


@dataclass(frozen=True, slots=True)
class Page:
    """The items of the response to one list request, and the metadata of the list."""

    items: Iterable[StoredObject]
    metadata: JsonObject


class Lister:
    """Pages the lists of one store, and keeps the states that continue tokens refer to."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store
        self._snapshots: Final[OrderedDict[tuple[str, str, int], Sequence[StoredObject]]] = OrderedDict()

    def page(self, resource: str, namespace: str, options: ListOptions) -> Page:
        """The page that `options` select; raises Expired when its state is no longer kept."""
        version, start = self._position(options)
        state = self._state(resource, namespace, version)
        rest: Sequence[StoredObject] = state
        if start is not None:
            rest = state[bisect_left(state, start, key=lambda stored: stored.key) :]
        # kube-apiserver lists resourceVersion=0 from its watch cache, which ignores limits (storage/cacher).
        limit = 0 if options.version == 0 and not options.match else options.limit
        selected = rest if options.selection.is_empty else filter(options.selection.matches, rest)
        metadata: JsonObject = {"resourceVersion": str(version)}
        if not limit:
            return Page(selected, metadata)
        items = list(islice(selected, limit + 1))
        if len(items) > limit:
            self._keep(resource, namespace, version, state)
            metadata["continue"] = _token(version, items[limit].key)
            if options.selection.is_empty:
                metadata["remainingItemCount"] = len(rest) - limit
        return Page(items[:limit], metadata)

    def _position(self, options: ListOptions) -> tuple[int, Key | None]:
        if options.continue_token:
            return _position(options.continue_token)
        if options.match == "Exact" and options.version is not None:
            return options.version, None
        return self._store.version, None

    def _state(self, resource: str, namespace: str, version: int) -> Sequence[StoredObject]:
        if (state := self._snapshots.get((resource, namespace, version))) is not None:
            return state
        if version == self._store.version:
            return self._store.list(resource, namespace)
        raise Expired(_TOO_OLD)

    def _keep(self, resource: str, namespace: str, version: int, state: Sequence[StoredObject]) -> None:
        self._snapshots[resource, namespace, version] = state
        if len(self._snapshots) > _SNAPSHOTS_KEPT:
            self._snapshots.popitem(last=False)


async def streamed(page: Page, rendering: Rendering, throttle: Throttle) -> AsyncGenerator[bytes, None]:
    """The list as JSON in chunks of about CHUNK_BYTES."""
    parts = [rendering.list_head(page.metadata)]
    size, separator = len(parts[0]), b""
    for stored in page.items:
        item = rendering.item(stored)
        parts += (separator, item)
        size, separator = size + len(item) + 1, b","
        if size >= CHUNK_BYTES:
            await throttle.spend(size)
            yield b"".join(parts)
            parts, size = [], 0
    parts.append(LIST_END)
    await throttle.spend(size)
    yield b"".join(parts)


def too_large_resource_version(version: int, current: int) -> Timeout:
    """504 for a version that was not reached (apiserver/pkg/storage/errors.go, NewTooLargeResourceVersionError)."""
    cause = StatusCause(reason="ResourceVersionTooLarge", message="Too large resource version")
    return Timeout(
        f"Timeout: Too large resource version: {version}, current: {current}",
        StatusDetails(causes=(cause,), retry_after_seconds=1),
    )


def _token(version: int, key: Key) -> str:
    start = f"{key[0]}/{key[1]}"
    token = msgspec.json.encode(_Token("meta.k8s.io/v1", version, start))
    return urlsafe_b64encode(token).rstrip(b"=").decode()


def _position(token: str) -> tuple[int, Key]:
    try:
        padded = token + "=" * (-len(token) % 4)
        position = msgspec.json.decode(urlsafe_b64decode(padded), type=_Token)
    except ValueError as error:
        raise BadRequest(f"continue key is not valid: {error}") from None
    namespace, _, name = position.start.partition("/")
    return position.rv, (namespace, name)
