"""The Prometheus metrics of every part.

Definitions only: the code where an event happens counts it. Metrics are the only module-level state of the process.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

INFORMER_SYNCED: Final = Gauge(
    "kubesum_informer_synced", "1 after the initial list of the resource completed.", ("resource",)
)
INFORMER_IN_STEP: Final = Gauge(
    "kubesum_informer_in_step",
    "1 while the resource is listed and its watch is working, or its last poll is still valid.",
    ("resource",),
)
INFORMER_OBJECTS: Final = Gauge("kubesum_informer_objects", "Objects of the resource in the cache.", ("resource",))
INFORMER_LAST_BYTE: Final = Gauge(
    "kubesum_informer_last_byte_timestamp_seconds",
    "Unix time at which data of the resource last arrived.",
    ("resource",),
)
RELISTS: Final = Counter(
    "kubesum_relists", "Relists after the initial list, by resource and reason.", ("resource", "reason")
)
WATCH_RESTARTS: Final = Counter(
    "kubesum_watch_restarts",
    "Watches resumed from their last resourceVersion, by resource and why they had ended: eof, reset or stalled.",
    ("resource", "reason"),
)
WATCH_EVENTS: Final = Counter(
    "kubesum_watch_events", "Watch events received, by resource and type.", ("resource", "type")
)
WATCH_EVENTS_IGNORED: Final = Counter(
    "kubesum_watch_events_ignored",
    "Watch events ignored because their resourceVersion is older than the watch, by resource.",
    ("resource",),
)
OBJECT_ERRORS: Final = Counter(
    "kubesum_object_errors",
    "Objects skipped because of their shape or of invalid values (content), or kept without a part, by resource.",
    ("resource", "reason"),
)
DECODE_ERRORS: Final = Counter(
    "kubesum_decode_errors", "Lists and watch events that could not be decoded, by resource.", ("resource",)
)
POLLS: Final = Counter(
    "kubesum_polls",
    "Lists of a resource that cannot be watched, by result: success, refused (401, 403, 404, 405) or error.",
    ("resource", "result"),
)
UPSTREAM_REQUESTS: Final = Counter(
    "kubesum_upstream_requests", "Requests to the API server, by status code; `error` without a response.", ("code",)
)
CREDENTIAL_RELOADS: Final = Counter(
    "kubesum_credential_reloads",
    "Credentials reloaded after a 401 or an untrusted certificate of the API server, by result.",
    ("result",),
)

WATCHES: Final = Gauge("kubesum_watches", "Open watches of clients, by resource.", ("resource",))
WATCHES_CUT: Final = Counter(
    "kubesum_watches_cut",
    "Watches closed because the client did not read its events in time, by resource.",
    ("resource",),
)

SERVING_CERTIFICATE_NOT_AFTER: Final = Gauge(
    "kubesum_serving_cert_not_after_seconds", "Unix time at which the serving certificate expires."
)

CERTIFICATE_RELOADS: Final = Counter(
    "kubesum_serving_cert_reloads", "Attempts to replace the serving certificate, by result.", ("result",)
)

HANDSHAKES_FAILED: Final = Counter(
    "kubesum_tls_handshake_errors",
    "Failed TLS handshakes, by cause: the client certificate, or TLS itself.",
    ("cause",),
)
CONNECTIONS_REFUSED: Final = Counter(
    "kubesum_connections_refused",
    "Connections closed for an invalid request, by status code; `silent` if none arrived in time.",
    ("code",),
)
AUTHENTICATION_CONFIG_LOADED: Final = Gauge(
    "kubesum_authentication_config_loaded", "1 once the authentication ConfigMap was loaded."
)
AUTHENTICATION_CONFIG_ERRORS: Final = Counter(
    "kubesum_authentication_config_errors", "Invalid versions of the authentication ConfigMap, which were not loaded."
)
AUTHENTICATIONS: Final = Counter(
    "kubesum_authentications",
    "Requests by authentication method; `none` without credentials, `refused` with invalid ones.",
    ("method",),
)
REVIEWS: Final = Counter(
    "kubesum_reviews",
    "TokenReviews and SubjectAccessReviews sent to kube-apiserver, by resource and result.",
    ("resource", "result"),
)
REJECTED: Final = Counter(
    "kubesum_rejected_requests", "Requests rejected with 429 because too many are in flight, by kind.", ("kind",)
)

REQUESTS: Final = Counter(
    "kubesum_requests",
    "Requests, by verb, resource (empty for other paths) and status code.",
    ("verb", "resource", "code"),
)
REQUEST_DURATION: Final = Histogram(
    "kubesum_request_duration_seconds",
    "Time from a request to the end of its response, by verb and resource.",
    ("verb", "resource"),
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)

ROWS: Final = Gauge(
    "kubesum_rows",
    "Objects of a computed resource, by resource; those of before where nobody has read it for five minutes.",
    ("resource",),
)
PUBLISHED_ROWS: Final = Counter(
    "kubesum_published_rows", "Published changes of rows: objects added, modified or deleted."
)
PUBLISH_DURATION: Final = Histogram(
    "kubesum_publish_duration_seconds",
    "Time to compute and publish the rows that changed since the last publication.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
