"""How many requests are answered at once of those that are allowed without a review."""

from contextlib import ExitStack

import pytest

from kubesum.api.requests.requestinfo import RequestInfo, request_info
from kubesum.edge.authn.users import ANONYMOUS, User
from kubesum.edge.authz.authorization import is_discovery
from kubesum.vocabulary.memorypressure import no_pressure
from kubesum.web.inflight import InFlight, RequestLimits

MASTER = User("root", groups=("system:masters",))
JANE = User("jane")
PROBES = ("/livez", "/readyz")
GROUP = "/apis/summary.kubesum.dev/v1alpha1"


def info(path: str) -> RequestInfo:
    return request_info("GET", path.encode(), b"")


def always_allowed(user: User, info: RequestInfo) -> bool:
    return user.is_master or (not info.is_resource_request and (info.path in PROBES or is_discovery(info.path)))


@pytest.fixture
def in_flight() -> InFlight:
    """Room for eight requests, of which one user gets two."""
    return InFlight(RequestLimits(max_requests_inflight=8, user_share_percent=25), always_allowed, no_pressure)


def taken_by(in_flight: InFlight, user: User, path: str, places: ExitStack) -> int:
    """How many requests are begun until one is refused, of at most a hundred."""
    for number in range(100):
        if in_flight.refusal(user, info(path)) is not None:
            return number
        places.enter_context(in_flight.counted(user, info(path)))
    return 100


def test_masters_get_half_as_many_places_again_when_all_are_taken(in_flight: InFlight) -> None:
    with ExitStack() as places:
        others = [
            taken_by(in_flight, User(f"user-{number}"), f"{GROUP}/nodesummaries", places) for number in range(4)
        ]

        assert others == [2, 2, 2, 2]
        assert taken_by(in_flight, MASTER, f"{GROUP}/nodesummaries", places) == 4
    assert in_flight.refusal(MASTER, info(f"{GROUP}/nodesummaries")) is None


@pytest.mark.parametrize("path", [f"{GROUP}/nodesummaries", "/metrics", "/openapi/v2", "/openapi/v3"])
def test_masters_do_not_get_all_connections(in_flight: InFlight, path: str) -> None:
    with ExitStack() as places:
        assert taken_by(in_flight, MASTER, path, places) == 12
        assert in_flight.refusal(JANE, info(f"{GROUP}/nodesummaries")) is not None


@pytest.mark.parametrize(
    ("user", "path"),
    [(ANONYMOUS, "/livez"), (ANONYMOUS, "/readyz"), (MASTER, GROUP), (JANE, GROUP), (MASTER, "/apis")],
)
def test_probes_and_discovery_are_answered_when_masters_take_all_there_is(
    in_flight: InFlight, user: User, path: str
) -> None:
    with ExitStack() as places:
        taken_by(in_flight, MASTER, f"{GROUP}/nodesummaries", places)

        assert in_flight.refusal(user, info(path)) is None
