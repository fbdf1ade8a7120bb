"""Lists made of kept texts: byte for byte what encoding their rows from scratch gives."""

import asyncio
import gzip
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesum.api.lists.listing import ListRequest, Lists
from kubesum.api.requests.negotiation import Encoding, Form, Representation
from kubesum.api.requests.options import Include, list_options
from kubesum.api.requests.query import parse
from kubesum.resources import RESOURCES
from kubesum.resources.podsummaries import RESOURCE as PODS
from kubesum.rollups.resourceversion import TAGS
from kubesum.vocabulary.memorypressure import no_pressure
from kubesum.vocabulary.resource import ComputedResource
from tests.computation import Computation
from tests.unit.rollups.test_recomputation import Played, any_steps

Steps = list[tuple[str, Any]]
Listing = tuple[ComputedResource, tuple[Representation, Include], bytes, str]
"""(resource, format, query, namespace)"""
META = "meta.k8s.io/v1"
NOW = 1_767_323_045.0
"""The second in which the objects of these steps were created."""

representations = st.sampled_from(
    [
        *[(Representation(Form.TABLE, META), include) for include in Include],
        (Representation(Form.TABLE, "meta.k8s.io/v1beta1"), Include.METADATA),
        (Representation(Form.OBJECT), Include.METADATA),
        (Representation(Form.METADATA_LIST, META), Include.METADATA),
        (Representation(Form.TABLE, META, Encoding.YAML), Include.NONE),
    ]
)
queries = st.sampled_from(
    [
        *[b""] * 4,
        b"limit=1",
        b"limit=3",
        b"labelSelector=app%3Dx",
        b"labelSelector=app&limit=1",
        b"fieldSelector=metadata.name%3Dp0",
        b"fieldSelector=metadata.namespace%3Dblue",
    ]
)
resources = st.sampled_from([*RESOURCES, *[PODS] * 6])
listings = st.tuples(resources, representations, queries, st.sampled_from(["", "blue"]))
others_ahead_s = st.sampled_from([None, None, None, 0.0, 0.001])
"""By how much a version of another replica, which a client brings, is ahead of ours; None for no such client."""
ALWAYS_ASKED: list[Listing] = [
    (PODS, (Representation(Form.TABLE, META), Include.METADATA), b"", ""),
    (PODS, (Representation(Form.OBJECT), Include.METADATA), b"labelSelector=app%3Dx", ""),
]
passing_s = st.sampled_from([0.0, 0.0, 0.4, 1.0, 7.5, 59.0, 601.0, 3600.0, 3 * 86_400.0])


few_steps = any_steps.map(lambda steps: steps[:4])
are_dropped = st.sampled_from([False, False, False, True])
"""Whether caches are dropped because memory is short."""
rounds_of_changes = st.lists(st.tuples(few_steps, passing_s, others_ahead_s, are_dropped), min_size=1, max_size=8)


@settings(max_examples=60)
@given(any_steps, rounds_of_changes, st.lists(listings, max_size=3))
def test_every_list_equals_one_that_is_encoded_from_scratch(
    beginning: Steps, rounds: list[tuple[Steps, float, float | None, bool]], asked: list[Listing]
) -> None:
    async def run() -> None:
        world = Computation()
        world.now = NOW
        played = Played(world)

        def now() -> float:
            return world.now

        kept = [Lists(now, no_pressure), Lists(now, no_pressure, texts_bytes=2_500, packed_bytes=4_000)]
        await played.play(beginning)
        for steps, passed_s, ahead_s, dropped in rounds:
            for lists in kept if dropped else ():
                lists.drop_caches()
            await played.play(steps)
            await world.settle()
            world.now += passed_s
            for listing in (*ALWAYS_ASKED, *asked):
                request = request_of(world, listing)
                if ahead_s is not None:
                    request.store.version_above(request.store.version() + int(ahead_s * 1e6) * TAGS)
                scratch = await body(Lists(now, no_pressure, texts_bytes=0), request, gzip_accepted=False)
                for lists in kept:
                    assert await body(lists, request, gzip_accepted=False) == scratch
                    assert await body(lists, request, gzip_accepted=True) == scratch

    asyncio.run(run())


def request_of(world: Computation, listing: Listing) -> ListRequest:
    resource, (representation, include), query, namespace = listing
    options = list_options(parse(query), resource)
    within = namespace if resource.namespaced else ""
    return ListRequest(world.store(resource.plural), within, options, representation, include)


async def body(lists: Lists, request: ListRequest, gzip_accepted: bool) -> bytes:
    encoded = await lists.encoded(request, gzip_accepted)
    content = b"".join(encoded.chunks)
    assert len(content) == encoded.size_bytes
    return gzip.decompress(content) if encoded.gzipped else content
