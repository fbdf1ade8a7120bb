"""The computed resources: one file each, and one line each in RESOURCES."""

from typing import Final

from kubesum.resources import (
    clusterimagesummaries,
    clustersummaries,
    imagesummaries,
    namespacesummaries,
    nodesummaries,
    podsummaries,
    workloadsummaries,
)
from kubesum.vocabulary.resource import ComputedResource

RESOURCES: Final[tuple[ComputedResource, ...]] = (
    clusterimagesummaries.RESOURCE,
    clustersummaries.RESOURCE,
    imagesummaries.RESOURCE,
    namespacesummaries.RESOURCE,
    nodesummaries.RESOURCE,
    podsummaries.RESOURCE,
    workloadsummaries.RESOURCE,
)
