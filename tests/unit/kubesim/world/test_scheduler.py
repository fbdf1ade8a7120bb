"""The nodes that the scheduler finds, and its message where none fits."""

from random import Random

from kubesim.model.instancetypes import InstanceType, Taint
from kubesim.model.podtemplates import ContainerTemplate, PodTemplate
from kubesim.model.state import NodeState
from kubesim.world.scheduler import Scheduler
from tests.unit.kubesim.world.simulatedworld import NOW


def node(name: str, cores: int = 4, taints: tuple[Taint, ...] = (), **labels: str) -> NodeState:
    return NodeState(
        name=name,
        uid=name,
        created=NOW,
        transitioned_at=NOW,
        instance_type=InstanceType(
            pool="worker", name="m7i.xlarge", cores=cores, memory_gib=16, max_pods=110, taints=taints
        ),
        zone="eu-central-1a",
        version="v1.36.1",
        address="10.0.0.1",
        labels=labels,
    )


def scheduler(*nodes: NodeState) -> Scheduler:
    return Scheduler({one.name: one for one in nodes}, Random(1))


def template(
    cpu: str, node_selector: dict[str, str] | None = None, tolerated_taints: tuple[str, ...] = ()
) -> PodTemplate:
    app = ContainerTemplate(name="app", image="app", requests={"cpu": cpu, "memory": "1Gi"})
    return PodTemplate(
        app="app", containers=(app,), node_selector=node_selector or {}, tolerated_taints=tolerated_taints
    )


def test_a_pod_is_scheduled_where_its_requests_fit() -> None:
    small, large = node("small", cores=2), node("large", cores=8)

    assert scheduler(small, large).find_node(template("3")) is large


def test_a_pod_is_scheduled_where_its_node_selector_matches() -> None:
    ssd, disk = node("ssd", disk="ssd"), node("disk", disk="slow")

    assert scheduler(ssd, disk).find_node(template("1", {"disk": "ssd"})) is ssd


def test_a_tainted_node_takes_only_pods_that_tolerate_it() -> None:
    gpu = node("gpu", taints=(Taint("dedicated", "gpu", "NoSchedule"),))

    assert scheduler(gpu).find_node(template("1")) is None
    assert scheduler(gpu).find_node(template("1", tolerated_taints=("dedicated",))) is gpu


def test_a_full_node_takes_no_more_pods() -> None:
    full = node("full")
    full.reserve(template("3").effective_requests)

    assert scheduler(full).find_node(template("1")) is None


def test_the_fit_error_counts_the_reasons_of_all_nodes() -> None:
    cordoned = node("cordoned")
    cordoned.cordoned = True
    tainted = [node(f"gpu-{n}", taints=(Taint("dedicated", "gpu", "NoSchedule"),)) for n in range(3)]

    fit_error = scheduler(node("a"), node("b"), cordoned, *tainted).fit_error(template("100"))

    assert fit_error == (
        "0/6 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu, "
        "3 node(s) had untolerated taint {dedicated: gpu}. preemption: 0/6 nodes are available: "
        "2 No preemption victims found for incoming pod, 4 Preemption is not helpful for scheduling."
    )


def test_a_node_that_lacks_two_resources_gives_two_reasons() -> None:
    fit_error = scheduler(node("a")).fit_error(
        PodTemplate(
            app="app",
            containers=(ContainerTemplate(name="app", image="app", requests={"cpu": "9", "memory": "99Gi"}),),
        )
    )

    assert fit_error.startswith("0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. preemption:")
