"""Changes of pods as bytes: readiness and restart count of a pod, as the kubelet reports a container that restarted.

Made by cutting the encoded pod, so that a simulated API server can send more events than any kubesum can take.
"""

import random
from collections.abc import Iterator

from kubesim.store.store import Store, StoredObject

_VERSION = b'"resourceVersion":"'
_STATUS = b'"status":{'
_CONDITIONS = (b'"type":"Ready","status":"', b'"type":"ContainersReady","status":"')
_READY = b'"ready":'
_RESTARTS = b'"restartCount":'


def change(store: Store, pod: StoredObject) -> None:
    """Turns the readiness of a pod and of its first container, and restarts that container once more."""
    store.put_encoded("pods", pod, changed(pod.body, store.version + 1))


def changed(body: bytes, version: int) -> bytes:
    """The encoded pod after such a change."""
    metadata, status = _halves(_with_text(body, _VERSION, b'"', str(version).encode()))
    is_ready = status[status.index(_READY) + len(_READY) :].startswith(b"true")
    for condition in _CONDITIONS:
        status = _with_text(status, condition, b'"', b"False" if is_ready else b"True")
    status = _with_text(status, _READY, b",", b"false" if is_ready else b"true")
    return metadata + _with_text(status, _RESTARTS, b",", b"%d" % (_number(status, _RESTARTS) + 1))


def has_containers(pod: StoredObject) -> bool:
    """Whether a pod runs: only such a pod is ready or restarts."""
    return b'"phase":"Running"' in pod.body and _RESTARTS in pod.body


def in_random_order(store: Store) -> Iterator[StoredObject]:
    """Running pods without end, each time as they are now; the same order in every run."""
    keys = [pod.key for pod in store.list("pods") if has_containers(pod)]
    chosen = random.Random(1)
    while True:
        chosen.shuffle(keys)
        for key in keys:
            pod = store.get("pods", *key)
            assert pod is not None
            yield pod


def _halves(body: bytes) -> tuple[bytes, bytes]:
    # What comes before it may hold the same words: fields of managedFields, texts of annotations.
    at = body.rindex(_STATUS)
    return body[:at], body[at:]


def _with_text(text: bytes, before: bytes, after: bytes, value: bytes) -> bytes:
    start = text.index(before) + len(before)
    return text[:start] + value + text[text.index(after, start) :]


def _number(text: bytes, before: bytes) -> int:
    start = text.index(before) + len(before)
    return int(text[start : text.index(b",", start)])
