"""STATUS, READY and RESTARTS are what a real kube-apiserver printed of the same pods."""

from datetime import UTC, datetime

import pytest

from kubesim.responses.tables import cells, columns
from kubesim.store.apiresources import BY_PLURAL
from tests.computation import Computation, key_of
from tests.oracle import recording
from tests.oracle.podtables import COLUMNS, by_kubesum, without_ages
from tests.oracle.recording import Recording
from tests.oracle.testpods import cases


@pytest.fixture(scope="module")
def recorded() -> Recording:
    """The committed recording."""
    return recording.read()


async def test_pod_summaries_print_what_kube_apiserver_printed(recorded: Recording) -> None:
    theirs = {key_of(pod): printed for pod, printed in zip(recorded.pods, recorded.cells, strict=True)}

    assert await by_kubesum(recorded.pods, recorded.recorded_at.timestamp()) == theirs


async def test_fields_of_pod_summaries_hold_what_kube_apiserver_printed(recorded: Recording) -> None:
    computation = Computation()
    computation.relist("pods", recorded.pods)
    statuses = {key: row["status"] for key, row in (await computation.settled("podsummaries")).items()}

    ours = [
        {
            "READY": f"{status['readyContainers']}/{status['totalContainers']}",
            "STATUS": status["reason"],
            "RESTARTS": str(status["restarts"]),
        }
        for status in (statuses[key_of(pod)] for pod in recorded.pods)
    ]
    assert ours == [printed | {"RESTARTS": printed["RESTARTS"].split(" ")[0]} for printed in recorded.cells]


def test_the_simulated_cluster_prints_pods_as_kube_apiserver_does(recorded: Recording) -> None:
    of_pods = columns(BY_PLURAL["pods"])
    names = [column.name.upper() for column in of_pods]

    simulated = [dict(zip(names, map(str, cells(of_pods, pod)), strict=True)) for pod in recorded.pods]

    assert [without_ages(row) for row in simulated] == [without_ages(row) for row in recorded.cells]


def test_the_recording_has_every_case_and_says_how_to_make_it_again(recorded: Recording) -> None:
    names = {key_of(pod) for pod in cases(datetime(2026, 9, 21, tzinfo=UTC))}

    assert names <= {key_of(pod) for pod in recorded.pods}
    assert len(recorded.pods) >= 200
    assert recorded.command == "KUBEBUILDER_ASSETS=<folder of etcd and kube-apiserver> python -m tests.cluster.record"
    assert recorded.version.startswith("v1.")
    assert {tuple(printed) for printed in recorded.cells} == {COLUMNS}
