"""Installations in a state that one change does not bring about: without rights from the start, and about to end."""

from pathlib import Path

from kubesim.store.store import Store
from kubesum.edge.tls import certificates
from kubesum.server.runtime import Limits
from tests.doctor.brokencluster import INFORMERS, LISTS, POD_1, POD_2, WATCHING, but, patient, showing
from tests.serving.runningserver import eventually, is_ready


def forget_nodes(store: Store) -> None:
    """Takes the right to read nodes from kubesum's role."""
    stored = store.get("clusterroles", "", "kubesum:reader")
    assert stored is not None
    role = stored.decoded()
    role["rules"][0]["resources"].remove("nodes")
    store.put("clusterroles", role)


async def test_a_kind_may_not_be_read_from_the_start(tmp_path: Path) -> None:
    authority = certificates.authority("kubesum-ca")
    pair = certificates.serving(authority, ["kubesum.kubesum-system.svc"])

    async with showing(tmp_path, authority, pair, forget_nodes) as patient:
        await patient.judged("Passed")
        lines = await patient.lines()

    assert lines == but(
        {
            **{
                line: [
                    f"FAIL  Pod kubesum-system/{pod}: check informer-sync of /readyz fails, it has not read the "
                    "cluster yet: see its rights below, and its log"
                ]
                for pod, line in (("POD-1", POD_1), ("POD-2", POD_2))
            },
            WATCHING: [
                "FAIL  ServiceAccount kubesum-system/kubesum: may not list and watch nodes; the "
                "ClusterRoleBinding kubesum:server gives it kubesum:server; helm upgrade restores that"
            ],
            LISTS: [
                "FAIL  list of clustersummaries, nodesummaries: 503 kubesum may not list nodes: "
                'https://API/api/v1/nodes answers 403 Forbidden: nodes is forbidden: User "system:serviceaccount:'
                'kubesum-system:kubesum" cannot watch resource "nodes" in API group "" at the cluster scope',
                "ok    list of clusterimagesummaries (N ms), imagesummaries (N ms), namespacesummaries (N ms), "
                "podsummaries (N ms), workloadsummaries (N ms)",
            ],
            INFORMERS: ["skip  informers: a ClusterSummary would tell"],
        }
    )


async def test_a_pod_that_is_about_to_end_says_so(tmp_path: Path) -> None:
    async with patient(tmp_path, Limits(shutdown_delay_s=30)) as leaving:
        leaving.server.leave.set()

        async def is_unready() -> bool:
            return not await is_ready(leaving.server)

        await eventually(is_unready)
        lines = await leaving.lines()

    assert lines == but(
        {
            POD_1: ["FAIL  Pod kubesum-system/POD-1: check shutdown of /readyz fails, it is ending"],
            POD_2: ["FAIL  Pod kubesum-system/POD-2: check shutdown of /readyz fails, it is ending"],
        }
    )
