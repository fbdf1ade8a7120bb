"""How many requests and watches are answered at the same time, altogether and of one user.

kube-apiserver has the maximum of requests (k8s.io/apiserver/pkg/server/filters/maxinflight.go), and shares it among
users by priority and fairness; a share of a fixed size for each user does the same for a server of few resources.
Users are told apart by name, which the front proxy gives for those whose requests it forwards.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from kubesum.api.representations.status import RETRY_SOON, out_of_memory
from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.edge.authn.users import User
from kubesum.operations.metrics import INFLIGHT, MAX_INFLIGHT, MAX_WATCHES, REQUESTS_REFUSED
from kubesum.vocabulary import defaults
from kubesum.vocabulary.errors import TooManyRequests
from kubesum.vocabulary.memorypressure import CurrentPressure, MemoryPressure

_READ_ONLY: Final = INFLIGHT.labels("readOnly")
_LARGE_PATHS: Final = ("/openapi", "/metrics")
"""Of responses that may fill the buffers of a connection."""
_TAKE_MEMORY: Final = frozenset({"list", "watch"})


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How many requests are answered at the same time; more get 429."""

    max_requests_inflight: int = defaults.MAX_REQUESTS_INFLIGHT
    """Without watches."""
    max_watches: int = 5_000
    """Each takes some 50 KiB, so that one client could use up the memory."""
    user_share_percent: int = defaults.USER_SHARE_PERCENT
    """How much of either one user gets at most; at least one place."""
    access_log: str = defaults.ACCESS_LOG_ERRORS
    """Which requests are logged: a value of --access-log."""


class InFlight:
    """The requests that are being answered."""

    def __init__(
        self,
        limits: RequestLimits,
        always_allowed: Callable[[User, RequestInfo], bool],
        memory_pressure: CurrentPressure,
    ) -> None:
        """`always_allowed` says which requests are not limited."""
        self._always_allowed: Final = always_allowed
        self._memory_pressure: Final = memory_pressure
        self._max: Final = {"watch": limits.max_watches, "other": limits.max_requests_inflight}
        self._share: Final = {
            kind: max(1, most * limits.user_share_percent // 100) for kind, most in self._max.items()
        }
        self._counts: Final = {"watch": 0, "other": 0}
        self._counts_of_users: Final[Counter[tuple[str, str]]] = Counter()
        MAX_INFLIGHT.set(limits.max_requests_inflight)
        MAX_WATCHES.set(limits.max_watches)

    def refusal(self, user: User, info: RequestInfo) -> TooManyRequests | None:
        """Why a request is not answered now; None if it is.

        Probes and discovery that are allowed without a review are not limited: while all places are taken,
        kube-apiserver would mark the APIService unavailable, and the kubelet would restart the container. Their
        responses are small, so that they hold no connection. Other requests that are allowed without a review, such
        as those of system:masters, get half as many places again when those of all are taken: neither can others
        keep them out, nor they all others. What takes little memory is answered also while the server is short of it.
        """
        if info.verb in _TAKE_MEMORY and self._memory_pressure() >= MemoryPressure.OVER:
            return out_of_memory()
        if reason := self._reached_limit(user, info):
            REQUESTS_REFUSED.labels(reason).inc()
            return TooManyRequests("Too many requests, please try again later.", RETRY_SOON)
        return None

    def _reached_limit(self, user: User, info: RequestInfo) -> str:
        kind = _kind(info)
        is_full = self._counts[kind] >= self._max[kind]
        if is_full and kind == "watch":
            return "watches"
        if not is_full and self._counts_of_users[kind, user.name] < self._share[kind]:
            return ""
        if self._always_allowed(user, info) and (kind == "watch" or self._has_place_of_masters(info)):
            return ""
        return "requests" if is_full else "user"

    def _has_place_of_masters(self, info: RequestInfo) -> bool:
        if not info.is_resource_request and not info.path.startswith(_LARGE_PATHS):
            return True
        return self._counts["other"] < self._max["other"] + self._max["other"] // 2

    @contextmanager
    def counted(self, user: User, info: RequestInfo) -> Iterator[None]:
        """Counts a request while it is answered."""
        kind = _kind(info)
        self._add(kind, user, 1)
        try:
            yield
        finally:
            self._add(kind, user, -1)

    def _add(self, kind: str, user: User, change: int) -> None:
        self._counts[kind] += change
        self._counts_of_users[kind, user.name] += change
        if not self._counts_of_users[kind, user.name]:
            # Else every user there ever was would be kept.
            del self._counts_of_users[kind, user.name]
        _READ_ONLY.set(self._counts["other"])


def _kind(info: RequestInfo) -> str:
    return "watch" if info.verb == "watch" else "other"
