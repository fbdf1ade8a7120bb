"""What is behind the words of kube-apiserver when it does not get through to kubesum, and what mends it.

The reasons are those of k8s.io/kube-aggregator/pkg/controllers/status/remote; the texts are Go's, as a
kube-apiserver 1.36 says them in front of a server with each of the troubles.
"""

from collections.abc import Mapping
from typing import Final

from kubesum.vocabulary import defaults

_REASONS: Final[Mapping[str, str]] = {
    "ServiceNotFound": "apply the chart again, which makes the Service",
    "ServicePortError": "apply the chart again: Service and APIService must name the same port",
    "EndpointsNotFound": "the Service finds no pods: see below",
    "MissingEndpoints": "no pod is ready: see below",
    "ServiceAccessError": "the API server cannot read its own store: see its log",
    "EndpointsAccessError": "the API server cannot read its own store: see its log",
}
_UNREACHED: Final = (
    f"the API server does not reach the pods: let its network through to port {defaults.SECURE_PORT} of the pods, "
    "except the cluster's own addresses from a proxy that it uses, or set hostNetwork.enabled of the chart"
)
CONFIG_BELOW: Final = "see the ConfigMap extension-apiserver-authentication below"
_NOT_BELIEVED: Final = f"kubesum does not believe the front proxy of the API server: {CONFIG_BELOW}"
_TEXTS: Final = (
    ("signed by unknown authority", "caBundle is not the authority of kubesum's certificate: see below"),
    ("certificate has expired or is not yet valid", "kubesum's certificate is not valid now: see below"),
    ("certificate is valid for", "kubesum's certificate is for another name: see below"),
    ("legacy Common Name", "kubesum's certificate names no DNS name: see below"),
    ("incompatible key usage", "kubesum's certificate is not for servers: see below"),
    ("failed to parse certificate", "kubesum's certificate is malformed: see below"),
    ("connection refused", "nothing listens there: see below how the pods are"),
    ("EOF", _NOT_BELIEVED),
    ("connection reset", _NOT_BELIEVED),
    ("remote error: tls", _NOT_BELIEVED),
    (": 401", _NOT_BELIEVED),
    (
        ": 403",
        f"kubesum takes the API server for anybody: {CONFIG_BELOW}; or a proxy answers in its place: except the "
        "cluster's own addresses from it",
    ),
    ("timeout", _UNREACHED),
    ("Timeout", _UNREACHED),
    ("timed out", _UNREACHED),
    ("deadline exceeded", _UNREACHED),
    ("does not answer in time", _UNREACHED),
    ("no route to host", _UNREACHED),
    ("network is unreachable", _UNREACHED),
)


def cause(reason: str, message: str) -> str:
    """What is behind a condition Available that is not True."""
    return _REASONS.get(reason) or cause_of(message)


def cause_of(message: str) -> str:
    """What is behind an error of a request to kubesum."""
    return next((told for text, told in _TEXTS if text in message), "see the logs of kubesum and of the API server")
