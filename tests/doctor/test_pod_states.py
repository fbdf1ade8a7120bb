"""Pods that are not ready: without permissions from the start, and while they shut down."""

from pathlib import Path

from kubesim.store.store import Store
from kubesum.edge.tls import certificates
from kubesum.server.runtime import Limits
from tests.doctor.brokencluster import (
    INFORMERS,
    LISTS,
    POD_1,
    POD_2,
    WATCHING,
    healthy_except,
    installed,
    installed_with,
)
from tests.serving.runningserver import eventually, is_ready


def drop_nodes(store: Store) -> None:
    """Removes nodes from kubesum's ClusterRole."""
    stored = store.get("clusterroles", "", "kubesum:server")
    assert stored is not None
    role = stored.decoded()
    role["rules"][0]["resources"].remove("nodes")
    store.put("clusterroles", role)


async def test_a_resource_that_was_never_listed(tmp_path: Path) -> None:
    authority = certificates.authority("kubesum-ca")
    pair = certificates.serving(authority, ["kubesum.kubesum-system.svc"])

    async with installed_with(tmp_path, authority, pair, drop_nodes) as installed:
        await installed.until_condition("Passed")
        lines = await installed.lines()

    assert lines == healthy_except(
        {
            **{
                line: [
                    f"FAIL  Pod kubesum-system/{pod}: check informer-sync of /readyz fails, an initial list is not "
                    "complete: see its permissions below, and its log"
                ]
                for pod, line in (("POD-1", POD_1), ("POD-2", POD_2))
            },
            WATCHING: [
                "FAIL  ServiceAccount kubesum-system/kubesum: may not list and watch nodes; the ClusterRoleBinding "
                "kubesum:server grants kubesum:server; helm upgrade restores it"
            ],
            LISTS: [
                "FAIL  list of clustersummaries, nodesummaries: 503 kubesum may not list nodes: "
                'https://API/api/v1/nodes answers 403 Forbidden: nodes is forbidden: User "system:serviceaccount:'
                'kubesum-system:kubesum" cannot watch resource "nodes" in API group "" at the cluster scope',
                "ok    list of clusterimagesummaries (N ms), imagesummaries (N ms), namespacesummaries (N ms), "
                "podsummaries (N ms), workloadsummaries (N ms)",
            ],
            INFORMERS: ["skip  informers: unknown without the ClusterSummary"],
        }
    )


async def test_pods_that_shut_down(tmp_path: Path) -> None:
    async with installed(tmp_path, Limits(shutdown_delay_s=30)) as stopping:
        stopping.server.shutdown.set()

        async def is_unready() -> bool:
            return not await is_ready(stopping.server)

        await eventually(is_unready)
        lines = await stopping.lines()

    assert lines == healthy_except(
        {
            POD_1: ["FAIL  Pod kubesum-system/POD-1: check shutdown of /readyz fails, it is shutting down"],
            POD_2: ["FAIL  Pod kubesum-system/POD-2: check shutdown of /readyz fails, it is shutting down"],
        }
    )
