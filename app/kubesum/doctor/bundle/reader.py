"""Reads what goes into a bundle, as far as the user may; what cannot be read is named with the reason.

All requests share one deadline, so that a cluster that answers none of them still gets its bundle soon. Each is
recorded with its code and how long it took, which shows a slow replica or a slow API server.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlencode

import msgspec

from kubesum.doctor.bundle.archive import Bundle
from kubesum.doctor.bundle.redaction import JsonValue
from kubesum.doctor.cluster import Cluster, denial, message_of
from kubesum.kube.client import JSON, Response
from kubesum.kube.decoding import MALFORMED
from kubesum.vocabulary.errors import UpstreamError

DEADLINE_S: Final = 120.0
"""For all requests of a bundle together."""
OK: Final = 200
_EMPTY: Final = 204
"""As the log of a pod that runs nowhere yet."""
_FAILING: Final = 500
_REQUESTS: Final = "requests.json"


@dataclass(frozen=True, slots=True)
class _Request:
    """A request and what became of it; `code` is 0 without a response, `error` is empty for a success."""

    path: str
    code: int
    ms: float
    bytes: int
    error: str


class Reader:
    """Reads from one cluster into one bundle; `clock` gives monotonic seconds."""

    def __init__(self, cluster: Cluster, bundle: Bundle, clock: Callable[[], float]) -> None:
        self.bundle: Final = bundle
        self._cluster: Final = cluster
        self._clock: Final = clock
        self._deadline: Final = clock() + DEADLINE_S
        self._requests: Final[list[_Request]] = []

    async def listed(
        self, name: str, path: str, keep: Callable[[JsonValue], bool] = lambda _: True, **parameters: str
    ) -> Sequence[JsonValue]:
        """Adds the objects of a collection for which `keep` holds; gives them, none if they cannot be read."""
        found = await self._decoded(name, path, **parameters)
        if found is None:
            return ()
        if not isinstance(found, dict):
            self.bundle.miss(name, target(path, parameters), "the answer is no list")
            return ()
        items = [one for one in found.get("items") or () if isinstance(one, dict) and keep(one)]
        self.bundle.add_object(name, target(path, parameters), {**found, "items": items})
        return items

    async def object(self, name: str, path: str) -> JsonValue:
        """Adds the object at a path; gives it, None if it cannot be read."""
        found = await self._decoded(name, path)
        if found is not None:
            self.bundle.add_object(name, path, found)
        return found

    async def text(self, name: str, path: str, **parameters: str) -> bool:
        """Adds the text at a path, also that of a failing /readyz; whether there was any response."""
        answer, error = await self.ask(path, **parameters)
        is_text = answer is not None and not answer.headers.get("Content-Type", "").startswith(JSON)
        if answer is None or (answer.code != OK and not (answer.code == _FAILING and is_text)):
            self.bundle.miss(name, target(path, parameters), error)
        else:
            self.bundle.add_text(name, target(path, parameters), answer.body.decode(errors="replace"))
        return answer is not None

    async def ask(self, path: str, accept: str = JSON, **parameters: str) -> tuple[Response | None, str]:
        """The response at a path, None without one, and why it is no success."""
        where, began = target(path, parameters), self._clock()
        if began > self._deadline:
            return None, f"it was not asked for, because {DEADLINE_S:g} s had passed"
        answer: Response | None = None
        try:
            answer = await self._cluster.ask(path, accept, **parameters)
            error = _error(answer)
        except UpstreamError as failure:
            error = str(failure)
        code, size = (answer.code, len(answer.body)) if answer else (0, 0)
        self._requests.append(_Request(where, code, round((self._clock() - began) * 1000, 1), size, error))
        return answer, error

    def add_requests(self) -> None:
        """Adds the record of all requests so far."""
        self.bundle.add_object(_REQUESTS, "the requests of this bundle", [asdict(one) for one in self._requests])

    async def _decoded(self, name: str, path: str, **parameters: str) -> JsonValue:
        answer, error = await self.ask(path, **parameters)
        if answer is not None and answer.code == OK:
            try:
                return msgspec.json.decode(answer.body)
            except MALFORMED:
                error = "the answer is no JSON"
        self.bundle.miss(name, target(path, parameters), error)
        return None


def target(path: str, parameters: dict[str, str]) -> str:
    """A path with its query."""
    return f"{path}?{urlencode(parameters)}" if parameters else path


def _error(answer: Response) -> str:
    """Why a response is no success, empty if it is one."""
    if answer.code == OK:
        return ""
    if answer.code == _EMPTY:
        return "it is empty"
    message = message_of(answer)
    if answer.code == 403:
        return denial(message).message
    return f"answered with {answer.code}: {message}"
