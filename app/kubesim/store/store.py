"""The objects of one simulated cluster by resource, and their latest changes.

Stands for etcd and the watch cache of kube-apiserver. One counter numbers all changes; the latest changes of each
resource are kept for watches; objects are kept as JSON that is encoded once. Nothing here depends on what an object
means. Everything runs on one event loop.

Invariant: the version of an object is that of its latest change, and the versions of kept changes ascend.
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
"""How many changes of each resource are kept for watches that resume."""

_NOT_IN_BODY: Final = frozenset({"kind", "apiVersion", "metadata"})
_NONE: Final[Mapping[str, str]] = {}


class StoredObject(msgspec.Struct, frozen=True, gc=False):
    """One state of one object.

    `body` is its JSON without kind and apiVersion, as in the items of a typed list. `fields` are the values of the
    selectable fields as text, empty where the object lacks the field.
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

    `last` is the object as watch events carry it: `after`, or `before` with the version of the deletion.
    """

    version: int
    before: StoredObject | None
    after: StoredObject | None
    last: StoredObject


class _Broadcast:
    """Wakes all tasks that wait when it is notified."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        # Waiting tasks hold the old event; later ones wait for the next notification.
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        await self._event.wait()


class _Collection:
    """The objects of one resource, their keys in order, and their latest changes.

    `compacted` is the version of the latest change that is no longer kept.
    """

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
    """The objects of a cluster; `resource` is always a plural of STORED_RESOURCES."""

    def __init__(self) -> None:
        self._collections: Final = {resource.plural: _Collection() for resource in STORED_RESOURCES}
        self._version = 1
        self._broadcast = _Broadcast()

    @property
    def version(self) -> int:
        """The version of the latest change of any resource."""
        return self._version

    def version_of(self, resource: str) -> int:
        """The version of the latest change of one resource; 0 if there was none."""
        return self._collections[resource].version

    def put(self, resource: str, obj: JsonObject) -> StoredObject:
        """Creates or replaces an object; sets resourceVersion, and uid and creationTimestamp where absent.

        `obj` needs metadata.name, and metadata.namespace if its resource is namespaced; it is not modified.
        """
        collection = self._collections[resource]
        before = collection.objects.get(_key(obj))
        after = self._stored(BY_PLURAL[resource], obj, before)
        if before is None:
            insort(collection.keys, after.key)
        collection.objects[after.key] = after
        self._record(collection, Change(after.version, before, after, after))
        return after

    def put_encoded(self, resource: str, before: StoredObject, body: bytes) -> None:
        """Replaces `before` by a state that is encoded already, for many changes a second.

        Its resourceVersion must be that of the next change, `version + 1`; labels and selectable fields stay.
        """
        collection = self._collections[resource]
        self._version += 1
        after = StoredObject(before.namespace, before.name, self._version, before.labels, before.fields, body)
        collection.objects[after.key] = after
        self._record(collection, Change(after.version, before, after, after))

    def seed(self, resource: str, objects: Iterable[JsonObject]) -> None:
        """Creates many objects at once; these changes are not kept, so call it before any watch starts."""
        collection = self._collections[resource]
        for obj in objects:
            stored = self._stored(BY_PLURAL[resource], obj, None)
            collection.objects[stored.key] = stored
        collection.keys = sorted(collection.objects)
        collection.version = collection.compacted = self._version

    def delete(self, resource: str, namespace: str, name: str) -> StoredObject | None:
        """Deletes an object; returns its last state with the version of the deletion, None if it does not exist."""
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
        """The current state of one object, None if it does not exist."""
        return self._collections[resource].objects.get((namespace, name))

    def list(self, resource: str, namespace: str = "") -> Sequence[StoredObject]:
        """The current objects of one namespace, or of all if it is empty, in order of keys."""
        collection = self._collections[resource]
        keys = collection.keys
        if namespace:
            keys = keys[bisect_left(keys, (namespace, "")) : bisect_left(keys, (namespace + "\0", ""))]
        return [collection.objects[key] for key in keys]

    def changes_since(self, resource: str, version: int) -> Sequence[Change]:
        """The changes of one resource after `version`, oldest first; empty if there are none.

        Raises Expired when a change after `version` is no longer kept: the client must list again.
        """
        collection = self._collections[resource]
        if version < collection.compacted:
            raise Expired(f"too old resource version: {version} ({collection.compacted})")
        changes = []
        for change in reversed(collection.changes):
            if change.version <= version:
                break
            changes.append(change)
        return changes[::-1]

    async def next_changes(self, resource: str, version: int) -> Sequence[Change]:
        """Waits for changes of one resource after `version` and returns them; raises Expired as `changes_since`."""
        while not (changes := self.changes_since(resource, version)):
            await self._collections[resource].broadcast.wait()
        return changes

    async def wait_for(self, version: int) -> None:
        """Waits until the version of the store is at least `version`."""
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
    """The same state with another resourceVersion, as the event of a deletion carries it."""
    obj = stored.decoded()
    obj["metadata"]["resourceVersion"] = str(version)
    return msgspec.structs.replace(stored, version=version, body=msgspec.json.encode(obj))


def field_text(obj: JsonObject, path: str) -> str:
    """The value at a dotted path as field selectors compare it; empty where it is absent."""
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
    """uid and creationTimestamp of the replaced object, or new ones."""
    if before is not None:
        previous = before.decoded()["metadata"]
        return {"uid": previous["uid"], "creationTimestamp": previous["creationTimestamp"]}
    identity = f"{resource.plural}/{metadata.get('namespace', '')}/{metadata['name']}/{metadata['resourceVersion']}"
    return {
        "uid": str(uuid5(NAMESPACE_URL, identity)),
        "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
