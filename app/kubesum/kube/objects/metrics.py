"""Views of metrics.k8s.io: usage of pods and nodes; k8s.io/metrics/pkg/apis/metrics/v1 and v1beta1."""

import msgspec

from kubesum.kube.objects.core import Quantities
from kubesum.kube.objects.meta import Time


class MetricsMetadata(msgspec.Struct, frozen=True, gc=False):
    """The part of metav1.ObjectMeta that names the measured object: metrics have no uid."""

    name: str = ""
    namespace: str = ""


class ContainerMetrics(msgspec.Struct, frozen=True, gc=False):
    """metricsv1beta1.ContainerMetrics."""

    usage: Quantities = {}


class PodMetrics(msgspec.Struct, frozen=True, gc=False):
    """metricsv1beta1.PodMetrics; the timestamp is the end of the window that was measured.

    It may be the zero time: a poll has tens of thousands of these, so that `semantics.usage` checks it.
    """

    metadata: MetricsMetadata
    timestamp: Time | None = None
    containers: tuple[ContainerMetrics, ...] = ()


class NodeMetrics(msgspec.Struct, frozen=True, gc=False):
    """metricsv1beta1.NodeMetrics; the timestamp is that of PodMetrics."""

    metadata: MetricsMetadata
    timestamp: Time | None = None
    usage: Quantities = {}
