"""The state of one simulated cluster: objects by kind, and what changed lately.

Stands where etcd and kube-apiserver's watch cache stand: one counter numbers all changes, the latest changes
of each kind are kept in a ring, and objects are kept as JSON, encoded once. What an object means is unknown
here. Everything runs on one event loop.

Invariant: an object's `version` is the version of the last change in the ring that concerns it, and the
versions in a ring only grow.
"""

import asyncio
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from kubesim.apierrors import Expired
from kubesim.store.apiresources import BY_PLURAL, STORED_RESOURCES, ApiResource

JsonObject = dict[str, Any]
"""A decoded JSON object."""

Key = tuple[str, str]
"""(namespace, name); the namespace of cluster-scoped objects is empty."""

CHANGES_KEPT: Final = 10_000
"""How many changes of each kind can be replayed to watches that resume."""

_NOT_IN_BODY: Final = frozenset({"kind", "apiVersion", "metadata"})
_NONE: Final[Mapping[str, str]] = {}


class StoredObject(msgspec.Struct, frozen=True, gc=False):
    """One state of one object.

    `body` is its JSON without kind and apiVersion, as it stands in the items of a list. `fields` holds the
    selectable fields of its kind as text; a field that the object lacks is empty.
    """

    namespace: str
    name: str
    version: int
    labels: Mapping[str, str]
    fields: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> Key:
        """(namespace, name)."""
        return self.namespace, self.name

    def decoded(self) -> JsonObject:
        """A fresh copy of the object, without kind and apiVersion."""
        decoded: JsonObject = msgspec.json.decode(self.body)
        return decoded


class Change(msgspec.Struct, frozen=True, gc=False):
    """One change of one object; `before` is None for a new one, `after` is None for a deleted one.

    `last` is the object as watches of the change get it: `after`, or the state before with the version of the
    deletion.
    """

    version: int
    before: StoredObject | None
    after: StoredObject | None
    last: StoredObject


class _Broadcast:
    """Wakes everybody who waits at the time of a ring."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        # Whoever waits holds the old event; whoever comes later waits for the next ring.
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        await self._event.wait()


class _Collection:
    """The objects of one kind, their keys in order, their latest changes, the version of the last lost one."""

    def __init__(self) -> None:
        self.objects: dict[Key, StoredObject] = {}
        self.keys: list[Key] = []
        self.changes: deque[Change] = deque(maxlen=CHANGES_KEPT)
        self.compacted = 0
        self.version = 0
        self.broadcast = _Broadcast()

    def record(self, change: Change) -> None:
        if len(self.changes) == CHANGES_KEPT:
            self.compacted = self.changes[0].version
        self.changes.append(change)
        self.version = change.version
        self.broadcast.notify()


class Store:
    """One living cluster state; `resource` is always a plural of the table of kinds."""

    def __init__(self) -> None:
        self._collections: Final = {resource.plural: _Collection() for resource in STORED_RESOURCES}
        self._version = 1
        self._broadcast = _Broadcast()

    @property
    def version(self) -> int:
        """The version of the latest change of any kind."""
        return self._version

    def version_of(self, resource: str) -> int:
        """The version of the latest change of one kind; 0 if there was none."""
        return self._collections[resource].version

    def put(self, resource: str, obj: JsonObject) -> StoredObject:
        """Creates or replaces an object; resourceVersion is set, uid and creationTimestamp where absent.

        `obj` needs metadata.name, and metadata.namespace if its kind is namespaced; it is not changed.
        """
        collection = self._collections[resource]
        before = collection.objects.get(_key(obj))
        after = self._stored(BY_PLURAL[resource], obj, before)
        if before is None:
            insort(collection.keys, after.key)
        collection.objects[after.key] = after
        self._record(collection, Change(after.version, before, after, after))
        return after

    def seed(self, resource: str, objects: Iterable[JsonObject]) -> None:
        """Puts many new objects at once, before any watch: none of these changes can be replayed."""
        collection = self._collections[resource]
        for obj in objects:
            stored = self._stored(BY_PLURAL[resource], obj, None)
            collection.objects[stored.key] = stored
        collection.keys = sorted(collection.objects)
        collection.version = collection.compacted = self._version

    def delete(self, resource: str, namespace: str, name: str) -> StoredObject | None:
        """Deletes an object; returns its last state with the version of the deletion, None if there was none."""
        collection = self._collections[resource]
        before = collection.objects.pop((namespace, name), None)
        if before is None:
            return None
        del collection.keys[bisect_left(collection.keys, before.key)]
        self._version += 1
        last = with_version(before, self._version)
        self._record(collection, Change(self._version, before, None, last))
        return last

    def get(self, resource: str, namespace: str, name: str) -> StoredObject | None:
        """The current state of one object, None if there is none."""
        return self._collections[resource].objects.get((namespace, name))

    def list(self, resource: str, namespace: str = "") -> Sequence[StoredObject]:
        """The current objects of one namespace, of all if it is empty; in key order."""
        collection = self._collections[resource]
        keys = collection.keys
        if namespace:
            keys = keys[bisect_left(keys, (namespace, "")) : bisect_left(keys, (namespace + "\0", ""))]
        return [collection.objects[key] for key in keys]

    def changes_since(self, resource: str, version: int) -> Sequence[Change]:
        """The changes of one kind after `version`, oldest first; empty if there are none.

        Raises Expired when a change after `version` has left the ring: the client must list again.
        """
        collection = self._collections[resource]
        if version < collection.compacted:
            raise Expired(f"too old resource version: {version} ({collection.compacted})")
        news = []
        for change in reversed(collection.changes):
            if change.version <= version:
                break
            news.append(change)
        return news[::-1]

    async def next_changes(self, resource: str, version: int) -> Sequence[Change]:
        """The changes of one kind after `version`, waiting until there is one; raises Expired as `changes_since`."""
        while not (changes := self.changes_since(resource, version)):
            await self._collections[resource].broadcast.wait()
        return changes

    async def wait_for(self, version: int) -> None:
        """Waits until some change has `version` or a later one."""
        while self._version < version:
            await self._broadcast.wait()

    def _record(self, collection: _Collection, change: Change) -> None:
        collection.record(change)
        self._broadcast.notify()

    def _stored(self, resource: ApiResource, obj: JsonObject, before: StoredObject | None) -> StoredObject:
        self._version += 1
        metadata = dict(obj["metadata"])
        metadata["resourceVersion"] = str(self._version)
        if "uid" not in metadata or "creationTimestamp" not in metadata:
            metadata = _identity(resource, metadata, before) | metadata
        body = {"metadata": metadata, **{k: v for k, v in obj.items() if k not in _NOT_IN_BODY}}
        return StoredObject(
            metadata.get("namespace", ""),
            metadata["name"],
            self._version,
            dict(metadata.get("labels") or _NONE),
            {path: field_text(obj, path) for path in resource.fields} if resource.fields else _NONE,
            msgspec.json.encode(body),
        )


def with_version(stored: StoredObject, version: int) -> StoredObject:
    """The same state under another version, as a deletion shows it."""
    obj = stored.decoded()
    obj["metadata"]["resourceVersion"] = str(version)
    return msgspec.structs.replace(stored, version=version, body=msgspec.json.encode(obj))


def field_text(obj: JsonObject, path: str) -> str:
    """The value at a dotted path as field selectors compare it; empty where there is none."""
    value: Any = obj
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key(obj: JsonObject) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _identity(resource: ApiResource, metadata: JsonObject, before: StoredObject | None) -> JsonObject:
    """uid and creationTimestamp: those of the object that is replaced, else new ones."""
    if before is not None:
        previous = before.decoded()["metadata"]
        return {"uid": previous["uid"], "creationTimestamp": previous["creationTimestamp"]}
    identity = f"{resource.plural}/{metadata.get('namespace', '')}/{metadata['name']}/{metadata['resourceVersion']}"
    return {
        "uid": str(uuid5(NAMESPACE_URL, identity)),
        "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
