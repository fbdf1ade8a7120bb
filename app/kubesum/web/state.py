"""What requests are answered from: the state of the server at the time of each request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kubesum.rollups.catalogue import Catalogue
from kubesum.vocabulary.memorypressure import CurrentPressure, no_pressure


@dataclass(frozen=True, slots=True)
class ServerState:
    """Functions that give the current state of the server."""

    catalogue: Callable[[], Catalogue]
    readiness: Callable[[], Mapping[str, bool]]
    """The checks of /readyz by name, and whether each passes."""
    has_namespace: Callable[[str], bool]
    now: Callable[[], float]
    """Seconds since 1970."""
    shutting_down: Callable[[], bool]
    memory_pressure: CurrentPressure = no_pressure
    rollup_metrics: tuple[str, ...] = ()
    """The plurals of the resources whose rows are metrics."""
