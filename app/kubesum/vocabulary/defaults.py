"""The defaults that more than one module needs: the flags show them, the server and the doctor rely on them.

Imports nothing, since the command line reads it at every start. The chart repeats some of them in YAML, and
tests/chart/test_pods.py compares.
"""

from typing import Final

SECURE_PORT: Final = 10250
"""The kubelet's port, which firewalls between control plane and nodes let through [X6]."""
ALWAYS_ALLOW_PATHS: Final = ("/healthz", "/livez", "/readyz")
"""What kubelets probe, without credentials."""
MAX_REQUESTS_INFLIGHT: Final = 400
"""As kube-apiserver's."""
USER_SHARE_PERCENT: Final = 25
SHUTDOWN_DELAY_S: Final = 10.0
USAGE_INTERVAL_S: Final = 30.0
TLS_SECRET: Final = "kubesum-tls"  # noqa: S105 - the name of a Secret
SERVICE_NAME: Final = "kubesum"
ROLLUP_METRICS: Final = {
    "cluster": "clustersummaries",
    "namespaces": "namespacesummaries",
    "nodes": "nodesummaries",
}
"""The values of --rollup-metrics, and the resources that they stand for."""
ACCESS_LOG_OFF: Final = "off"
ACCESS_LOG_ERRORS: Final = "errors"
ACCESS_LOG_ALL: Final = "all"
LOG_FORMATS: Final = ("json", "text")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
