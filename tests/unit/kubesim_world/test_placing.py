"""Where pods are placed, and what is said when they cannot be."""

from random import Random

from kubesim.model.instancetypes import Machine, Taint
from kubesim.model.podtemplates import ContainerPlan, Plan
from kubesim.model.state import NodeState
from kubesim.world.scheduler import Scheduler
from tests.unit.kubesim_world.worlds import NOW


def node(name: str, cores: int = 4, taints: tuple[Taint, ...] = (), **labels: str) -> NodeState:
    return NodeState(
        name=name,
        uid=name,
        created=NOW,
        changed=NOW,
        machine=Machine(
            pool="worker", instance_type="m7i.xlarge", cores=cores, memory_gib=16, max_pods=110, taints=taints
        ),
        zone="eu-central-1a",
        version="v1.36.1",
        address="10.0.0.1",
        labels=labels,
    )


def scheduler(*nodes: NodeState) -> Scheduler:
    return Scheduler({one.name: one for one in nodes}, Random(1))


def plan(cpu: str, selects: dict[str, str] | None = None, tolerates: tuple[str, ...] = ()) -> Plan:
    app = ContainerPlan(name="app", image="app", requests={"cpu": cpu, "memory": "1Gi"})
    return Plan(app="app", containers=(app,), selects=selects or {}, tolerates=tolerates)


def test_a_pod_goes_where_it_fits() -> None:
    small, large = node("small", cores=2), node("large", cores=8)

    assert scheduler(small, large).place(plan("3")) is large


def test_a_pod_goes_only_where_its_selector_matches() -> None:
    ssd, disk = node("ssd", disk="ssd"), node("disk", disk="slow")

    assert scheduler(ssd, disk).place(plan("1", {"disk": "ssd"})) is ssd


def test_a_tainted_node_takes_only_pods_that_tolerate_it() -> None:
    gpu = node("gpu", taints=(Taint("dedicated", "gpu", "NoSchedule"),))

    assert scheduler(gpu).place(plan("1")) is None
    assert scheduler(gpu).place(plan("1", tolerates=("dedicated",))) is gpu


def test_a_full_node_takes_nothing_more() -> None:
    full = node("full")
    full.reserve(plan("3").demand)

    assert scheduler(full).place(plan("1")) is None


def test_the_verdict_counts_the_reasons_of_all_nodes() -> None:
    cordoned = node("cordoned")
    cordoned.cordoned = True
    tainted = [node(f"gpu-{n}", taints=(Taint("dedicated", "gpu", "NoSchedule"),)) for n in range(3)]

    verdict = scheduler(node("a"), node("b"), cordoned, *tainted).verdict(plan("100"))

    assert verdict == (
        "0/6 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu, "
        "3 node(s) had untolerated taint {dedicated: gpu}. preemption: 0/6 nodes are available: "
        "2 No preemption victims found for incoming pod, 4 Preemption is not helpful for scheduling."
    )


def test_a_node_that_lacks_two_resources_gives_two_reasons() -> None:
    verdict = scheduler(node("a")).verdict(
        Plan(app="app", containers=(ContainerPlan(name="app", image="app", requests={"cpu": "9", "memory": "99Gi"}),))
    )

    assert verdict.startswith("0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. preemption:")
