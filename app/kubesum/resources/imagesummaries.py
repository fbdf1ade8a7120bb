"""ImageSummary: where in a namespace an image runs. ClusterImageSummary has the same status and columns."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Final

import msgspec

from kubesum.resources import columns
from kubesum.resources.shapes import count, doc
from kubesum.semantics.facts import Pod, UsedImage
from kubesum.vocabulary.resource import ComputedResource, FieldSelector, Fold, Key, Source
from kubesum.vocabulary.tally import Contribution, Tally

MOST_IMAGES_OF_A_POD: Final = 1000
"""Largest number of different images of one pod that are counted.

kube-apiserver takes pods of some 8,000 containers, and each image is a row here and one in ClusterImageSummary.
"""

READS: Final = ("facts.state.active", "facts.images", "facts.node", "workload.row")
"""What `uses` reads of a pod."""


class ImageStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Computed status of one image reference."""

    image: Annotated[str, doc("Normalised reference of the image, with its registry and its tag or digest.")]
    registry: Annotated[str, doc("Registry of the image, such as docker.io.")]
    repository: Annotated[str, doc("Repository of the image with its registry, such as docker.io/library/nginx.")]
    tag: Annotated[str, doc("Tag of the image; empty where only a digest names it.")]
    floating_tag: Annotated[
        bool, doc("Whether the reference may mean another image later: no digest, and the tag is latest or absent.")
    ]
    digests: Annotated[
        tuple[str, ...],
        doc("Digests of the images that containers run or volumes hold for the reference, each once, sorted."),
    ]
    pods: Annotated[int, count("Number of active pods that use the image.")]
    containers: Annotated[int, count("Number of app and ephemeral containers of active pods that use the image.")]
    init_containers: Annotated[int, count("Number of init containers of active pods that use the image.")]
    volumes: Annotated[int, count("Number of volumes of active pods that hold the files of the image.")]
    workloads: Annotated[int, count("Number of different workloads whose active pods use the image.")]
    namespaces: Annotated[int, count("Number of different namespaces whose active pods use the image.")]
    nodes: Annotated[int, count("Number of different nodes that active pods using the image are assigned to.")]
    pull_failures: Annotated[int, count("Number of containers that wait because the image can't be pulled.")]


def uses(pod: Pod) -> Iterator[tuple[str, Contribution]]:
    """(row name, contribution) for each image of an active pod, in the order of its containers."""
    if not pod.state.active:
        return
    of_pod = tuple(place(pod))
    for row, used in islice(by_row(pod.facts.images).items(), MOST_IMAGES_OF_A_POD):
        yield row, (*of_pod, *(entry for image in used for entry in use(image)))


def names(pod: Pod) -> Iterable[str]:
    """The row names that `uses` gives."""
    return islice(by_row(pod.facts.images), MOST_IMAGES_OF_A_POD) if pod.state.active else ()


def by_row(images: Iterable[UsedImage]) -> dict[str, list[UsedImage]]:
    """The used images by row name, in one pass: a pod may have thousands."""
    rows: dict[str, list[UsedImage]] = {}
    for image in images:
        rows.setdefault(image.row, []).append(image)
    return rows


def left_out(pod: Pod) -> int:
    """The number of different images of an active pod that are not counted."""
    if not pod.state.active or len(pod.facts.images) <= MOST_IMAGES_OF_A_POD:
        return 0
    return max(0, len({image.row for image in pod.facts.images}) - MOST_IMAGES_OF_A_POD)


def place(pod: Pod) -> Iterator[tuple[str, Any, int]]:
    """The entries that a pod contributes once to each of its images."""
    facts = pod.facts
    yield "pods", "", 1
    yield "workloads", (facts.namespace, pod.workload.row), 1
    yield "namespaces", facts.namespace, 1
    if facts.node:
        yield "nodes", facts.node, 1


def use(image: UsedImage) -> Iterator[tuple[str, Any, int]]:
    """The entries that each container or volume contributes to its image."""
    yield "reference", (image.image, image.registry, image.repository, image.tag, image.floating), 1
    yield image.user.value, "", 1
    if image.digest:
        yield "digests", image.digest, 1
    if image.pull_failures:
        yield "pullFailures", "", image.pull_failures


def by_image(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """A pod belongs to the group of each of its images in its namespace."""
    for row, contribution in uses(pod):
        yield (pod.facts.namespace, row), contribution


def status(_key: Key, _subject: None, tally: Tally) -> ImageStatus:
    """The summary of an image from the containers and volumes that use it."""
    image, registry, repository, tag, floating = min(tally.sums("reference"))
    return ImageStatus(
        image=image,
        registry=registry,
        repository=repository,
        tag=tag,
        floating_tag=floating,
        digests=tuple(sorted(tally.sums("digests"))),
        pods=tally.total("pods"),
        containers=tally.total("containers"),
        init_containers=tally.total("initContainers"),
        volumes=tally.total("volumes"),
        workloads=tally.distinct("workloads"),
        namespaces=tally.distinct("namespaces"),
        nodes=tally.distinct("nodes"),
        pull_failures=tally.total("pullFailures"),
    )


COLUMNS: Final = (
    columns.NAME,
    columns.value("REPOSITORY", "repository", "Repository of the image, with its registry."),
    columns.value("TAG", "tag", "Tag of the image."),
    columns.number("PODS", "pods", "Active pods that use the image."),
    columns.number("WORKLOADS", "workloads", "Different workloads that use the image."),
    columns.number("NAMESPACES", "namespaces", "Different namespaces that use the image."),
    columns.number("NODES", "nodes", "Different nodes that the image is used on."),
    columns.number("PULL-FAIL", "pull_failures", "Containers that wait because the image can't be pulled."),
)

FIELD_SELECTORS: Final = (
    FieldSelector("status.registry", lambda _, status: status.registry),
    FieldSelector("status.repository", lambda _, status: status.repository),
    FieldSelector("status.tag", lambda _, status: status.tag),
)

RESOURCE: Final = ComputedResource(
    kind="ImageSummary",
    plural="imagesummaries",
    short_names=("imgsum",),
    namespaced=True,
    help="Where in a namespace an image runs, with which digests, and whether it can be pulled.",
    status_type=ImageStatus,
    status=status,
    subjects=None,
    subject_key=lambda _: None,
    folds=(Fold(Source.PODS, by_image, READS),),
    fallback_subject=lambda _key, _tally: None,
    columns=COLUMNS,
    field_selectors=FIELD_SELECTORS,
)
