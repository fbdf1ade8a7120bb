"""Objects that are created and deleted between two publications are sent to watches from another replica."""

from pathlib import Path

import pytest
import yaml

from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import WatchOptions
from kubesum.api.watch.watching import Watches, WatchRequest
from kubesum.resources import RESOURCES
from kubesum.rollups.resourceversion import TAGS
from kubesum.vocabulary.resource import ComputedResource
from tests.computation import KINDS, Computation, key_of
from tests.unit.api.replicas import ready

HERE = Path(__file__).parent


@pytest.mark.parametrize("form", [Form.OBJECT, Form.TABLE], ids=["object", "table"])
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
async def test_skipped_states_of_every_kind_are_sent(resource: ComputedResource, form: Form) -> None:
    """[W11] Also rows without a watched object, whose members are deleted too."""
    computation = Computation()
    await computation.settle()
    computation.now += 20
    begun = int(computation.now * 1_000_000) * TAGS
    by_kind = {kind.kind: kind.resource for kind in KINDS.values()}
    documents = yaml.safe_load_all((HERE / "cluster.yaml").read_text())
    cluster = [found for found in documents if found["kind"] in by_kind]
    for found in cluster:
        computation.put(by_kind[found["kind"]], found)
    for found in reversed(cluster):
        computation.delete(by_kind[found["kind"]], key_of(found))
    await computation.settle()
    representation = Representation(form, "meta.k8s.io/v1" if form is Form.TABLE else "")
    watch = WatchRequest(computation.store(resource.plural), "", WatchOptions(version=begun), representation)

    events = await ready(await Watches(lambda: computation.now).open(watch))

    rows = (HERE / "golden" / f"{resource.plural}.txt").read_text().splitlines()[1:]
    sent = {
        event["object"]["rows"][0]["cells"][0] if form is Form.TABLE else event["object"]["metadata"]["name"]
        for event in events
    }
    if resource.plural == "clustersummaries":
        # The cluster has a row even without any object.
        assert [event["type"] for event in events] == ["MODIFIED"]
    else:
        assert {event["type"] for event in events} == {"DELETED"}
        assert sent >= {row.split()[0] for row in rows}
