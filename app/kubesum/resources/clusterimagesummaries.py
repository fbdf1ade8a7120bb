"""ClusterImageSummary: where in the whole cluster an image runs."""

from collections.abc import Iterator
from typing import Final

from kubesum.resources import imagesummaries
from kubesum.semantics.facts import Pod
from kubesum.vocabulary.resource import ComputedResource, Fold, Key, ReaderRole, Source
from kubesum.vocabulary.tally import Contribution


def by_image(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """A pod belongs to the group of each of its images."""
    for row, contribution in imagesummaries.uses(pod):
        yield ("", row), contribution


RESOURCE: Final = ComputedResource(
    kind="ClusterImageSummary",
    plural="clusterimagesummaries",
    short_names=("cimgsum",),
    namespaced=False,
    help="Where in the cluster an image runs, with which digests, and whether it can be pulled.",
    status_type=imagesummaries.ImageStatus,
    status=imagesummaries.status,
    subjects=None,
    subject_key=lambda _: None,
    folds=(Fold(Source.PODS, by_image, imagesummaries.READS),),
    fallback_subject=lambda _key, _tally: None,
    reader_roles=(ReaderRole.CLUSTER_IMAGES,),
    columns=imagesummaries.COLUMNS,
    field_selectors=imagesummaries.FIELD_SELECTORS,
)
