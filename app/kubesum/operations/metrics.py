"""What kubesum tells about itself: the metrics of every part, and how log lines are written.

Definitions only. Whoever causes an event counts it; whoever changes a state logs the transition, once, without
secrets and without object bodies. Metrics are the one state of the process that modules share.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

INFORMER_SYNCED: Final = Gauge(
    "kubesum_informer_synced", "Whether one list of a watched resource was whole.", ("resource",)
)
INFORMER_IN_STEP: Final = Gauge(
    "kubesum_informer_in_step", "Whether a watched resource is listed and being followed.", ("resource",)
)
INFORMER_OBJECTS: Final = Gauge("kubesum_informer_objects", "Objects of a watched resource held.", ("resource",))
INFORMER_LAST_BYTE: Final = Gauge(
    "kubesum_informer_last_byte_timestamp_seconds",
    "When the last byte of a watched resource arrived, in seconds since 1970.",
    ("resource",),
)
RELISTS: Final = Counter(
    "kubesum_relists", "Lists begun anew after a first one was whole, by resource and reason.", ("resource", "reason")
)
WATCH_RESTARTS: Final = Counter(
    "kubesum_watch_restarts", "Watches resumed, by resource and why the one before ended.", ("resource", "reason")
)
WATCH_EVENTS: Final = Counter(
    "kubesum_watch_events", "Watch events received, by resource and type.", ("resource", "type")
)
WATCH_EVENTS_IGNORED: Final = Counter(
    "kubesum_watch_events_ignored", "Watch events older than what was known already, by resource.", ("resource",)
)
OBJECT_ERRORS: Final = Counter(
    "kubesum_object_errors", "Objects skipped because they cannot be understood, by reason.", ("resource", "reason")
)
DECODE_ERRORS: Final = Counter(
    "kubesum_decode_errors", "Answers that are no Kubernetes answer, or not a whole one.", ("resource",)
)
POLLS: Final = Counter(
    "kubesum_polls",
    "Attempts to read a resource that cannot be watched, by result: success, refused or error.",
    ("resource", "result"),
)
UPSTREAM_REQUESTS: Final = Counter(
    "kubesum_upstream_requests", "Requests to the API server, by code; `error` where none came.", ("code",)
)
CREDENTIAL_RELOADS: Final = Counter(
    "kubesum_credential_reloads", "Credentials read again after the API server refused them.", ("result",)
)

WATCHES: Final = Gauge("kubesum_watches", "Watches that are open, by resource.", ("resource",))
WATCHES_CUT: Final = Counter(
    "kubesum_watches_cut", "Watches cut off because their client did not read what it was sent.", ("resource",)
)

SERVING_CERTIFICATE_NOT_AFTER: Final = Gauge(
    "kubesum_serving_cert_not_after_seconds", "When the serving certificate expires, in seconds since 1970."
)

CERTIFICATE_RELOADS: Final = Counter(
    "kubesum_serving_cert_reloads", "Serving certificates that were to be replaced, by result.", ("result",)
)

HANDSHAKES_FAILED: Final = Counter(
    "kubesum_tls_handshake_errors",
    "TLS handshakes that failed, by cause: a client's certificate, or TLS.",
    ("cause",),
)
CONNECTIONS_REFUSED: Final = Counter(
    "kubesum_connections_refused",
    "Connections ended for what they sent, by code of the answer; `silent` where nothing came.",
    ("code",),
)
AUTHENTICATION_CONFIG_LOADED: Final = Gauge(
    "kubesum_authentication_config_loaded", "Whether it is known whom kube-apiserver trusts."
)
AUTHENTICATION_CONFIG_ERRORS: Final = Counter(
    "kubesum_authentication_config_errors", "Contents of the authentication configuration that could not be used."
)
AUTHENTICATIONS: Final = Counter(
    "kubesum_authentications",
    "Requests by how the caller is known; `none` where nothing was presented, `refused` where it was not believed.",
    ("method",),
)
REVIEWS: Final = Counter(
    "kubesum_reviews", "Reviews that kube-apiserver was asked for, by resource and result.", ("resource", "result")
)
REJECTED: Final = Counter(
    "kubesum_rejected_requests", "Requests turned away because too many are being answered, by kind.", ("kind",)
)

REQUESTS: Final = Counter(
    "kubesum_requests",
    "Requests answered, by verb, resource (empty for other paths) and code.",
    ("verb", "resource", "code"),
)
REQUEST_DURATION: Final = Histogram(
    "kubesum_request_duration_seconds",
    "Time from a request to the end of its answer, by verb and resource.",
    ("verb", "resource"),
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)

ROWS: Final = Gauge("kubesum_rows", "Objects served of a computed resource.", ("resource",))
PUBLISHED_ROWS: Final = Counter("kubesum_published_rows", "Rows published because they changed.")
PUBLISH_DURATION: Final = Histogram(
    "kubesum_publish_duration_seconds",
    "Time to compute and publish what changed since the publication before.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
