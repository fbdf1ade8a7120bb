"""What holds for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cluster.controlplane import BINARIES
from tests.distribution import UnitScheduling, arranged

CLUSTERS = (BINARIES, "KUBESUM_CLUSTER")

# Machines are noisy: how long an example takes is no matter of right or wrong.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


class SkippedDirectory(pytest.Directory):
    """A directory of tests that is one skip in the report instead of one for each of its tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """Nothing: skips the whole directory."""
        pytest.skip(f"needs {' or '.join(CLUSTERS)} in the environment, see CONTRIBUTING.md")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart() -> None:
    """Uses Hypothesis once, which then registers a generator of random numbers and looks for what refers to it.

    It would not find what a running server has frozen for the garbage collector (kubesum.server.garbage), and warn.
    """

    @settings(max_examples=1, database=None)
    @given(st.none())
    def use(_: None) -> None:
        return

    use()


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Skips the cluster suite as a whole where the environment names no cluster."""
    if path == Path(__file__).parent / "cluster" and not any(name in os.environ for name in CLUSTERS):
        return SkippedDirectory.from_parent(parent, path=path)
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Arranges the tests after they were shuffled."""
    items[:] = arranged(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> UnitScheduling:
    """Distributes them by units."""
    return UnitScheduling(config, log)
