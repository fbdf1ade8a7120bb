"""What to do about an error that the API server reports of kubesum.

The reasons are those of k8s.io/kube-aggregator/pkg/controllers/status/remote; the messages are Go's, as a
kube-apiserver 1.36 writes them for each of the failures.
"""

from collections.abc import Mapping
from typing import Final

from kubesum.vocabulary import defaults

_REASONS: Final[Mapping[str, str]] = {
    "ServiceNotFound": "apply the chart again, which creates the Service",
    "ServicePortError": "apply the chart again: Service and APIService must name the same port",
    "EndpointsNotFound": "the Service selects no pods: see its line below",
    "MissingEndpoints": "no pod is ready: see the pods below",
    "ServiceAccessError": "the API server cannot read its own storage: see its log",
    "EndpointsAccessError": "the API server cannot read its own storage: see its log",
}
_UNREACHABLE: Final = (
    f"the API server cannot reach the pods: allow traffic from its network to port {defaults.SECURE_PORT} of the "
    "pods, exempt the cluster's addresses from any HTTP proxy that it uses, or set hostNetwork.enabled of the chart"
)
SEE_CONFIG: Final = "see the ConfigMap extension-apiserver-authentication"
_UNAUTHENTICATED: Final = f"kubesum does not accept the front proxy certificate of the API server: {SEE_CONFIG}"
_MESSAGES: Final = (
    ("signed by unknown authority", "caBundle does not contain the CA of kubesum's certificate: see caBundle"),
    ("certificate has expired or is not yet valid", "kubesum's certificate is not valid now: see the certificate"),
    ("certificate is valid for", "kubesum's certificate has another DNS name: see the certificate"),
    ("legacy Common Name", "kubesum's certificate has no DNS name: see the certificate"),
    ("incompatible key usage", "kubesum's certificate is not for servers: see the certificate"),
    ("failed to parse certificate", "kubesum's certificate is malformed: see the certificate"),
    ("connection refused", "no process listens there: see the pods"),
    ("EOF", _UNAUTHENTICATED),
    ("connection reset", _UNAUTHENTICATED),
    ("remote error: tls", _UNAUTHENTICATED),
    (": 401", _UNAUTHENTICATED),
    (
        ": 403",
        f"kubesum treats the API server as anonymous: {SEE_CONFIG}; or an HTTP proxy answers in place of kubesum: "
        "exempt the cluster's addresses from it",
    ),
    ("timeout", _UNREACHABLE),
    ("Timeout", _UNREACHABLE),
    ("timed out", _UNREACHABLE),
    ("deadline exceeded", _UNREACHABLE),
    ("does not answer in time", _UNREACHABLE),
    ("no route to host", _UNREACHABLE),
    ("network is unreachable", _UNREACHABLE),
)


def condition_remedy(reason: str, message: str) -> str:
    """What to do about a condition Available that is not True."""
    return _REASONS.get(reason) or remedy(message)


def remedy(message: str) -> str:
    """What to do about the error message of a request to kubesum."""
    found = (action for text, action in _MESSAGES if text in message)
    return next(found, "see the logs of kubesum and of the API server")
