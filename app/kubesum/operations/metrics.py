"""The Prometheus metrics of every part.

Definitions only: the code where an event happens counts it. Metrics are the only module-level state of the process.
What Kubernetes servers measure has their names and labels, so that dashboards and alerts made for those fit:
k8s.io/apiserver/pkg/endpoints/metrics/metrics.go, .../endpoints/filters/metrics.go,
.../authentication/authenticatorfactory/metrics.go, .../authorization/authorizerfactory/metrics.go,
.../authentication/request/x509/x509.go, k8s.io/component-base/metrics/prometheus/restclient/metrics.go. The others
begin with `kubesum_`. No label has values that clients choose, so that nobody can create time series.
"""

from typing import Final, NamedTuple

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from kubesum import __version__

# They would be a second series for each counter and histogram.
disable_created_metrics()  # type: ignore[no-untyped-call]

_OF_REVIEWS: Final = (0.25, 0.5, 0.7, 1, 1.5, 3, 5, 10)
_OF_ATTEMPTS: Final = tuple(0.001 * 2**power for power in range(15))
_OF_REQUESTS: Final = (*(0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60),)
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


class ReviewMetrics(NamedTuple):
    """The metrics of one kind of review, by status code."""

    requests: Counter
    durations: Histogram


BUILD: Final = Gauge("kubesum_build_info", "1 with the version of kubesum as a label.", ("version",))
BUILD.labels(__version__).set(1)

INFORMER_SYNCED: Final = Gauge(
    "kubesum_informer_synced", "1 after the initial list of the resource completed, 0 before.", ("resource",)
)
INFORMER_IN_STEP: Final = Gauge(
    "kubesum_informer_in_step",
    "1 while the resource is listed and its watch is working, or its last poll is still valid.",
    ("resource",),
)
INFORMER_OBJECTS: Final = Gauge("kubesum_informer_objects", "Objects of the resource in the cache.", ("resource",))
INFORMER_LAST_BYTE: Final = Gauge(
    "kubesum_informer_last_byte_timestamp_seconds",
    "Unix time at which data of the resource last arrived; none before the first ones.",
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
DEFINITION_STATUS_WRITES: Final = Counter(
    "kubesum_definition_status_writes",
    "Writes of the status of a RollupDefinition, by result: success, conflict (another replica was faster) or error.",
    ("result",),
)
UPSTREAM_REQUESTS: Final = Counter(
    "rest_client_requests",
    "Requests to the API server, by status code, method and host; <error> without a response.",
    ("code", "method", "host"),
)
UPSTREAM_REQUEST_DURATION: Final = Histogram(
    "rest_client_request_duration_seconds",
    "Time from a request to the API server to the head of its response, by method and host.",
    ("verb", "host"),
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0),
)
CLOCK_SKEW: Final = Gauge(
    "kubesum_clock_skew_seconds",
    "By how many seconds at least the clock here is ahead of that of the API server, negative if it is behind; 0 if "
    "the two may be equal, since the Date of a response has whole seconds.",
)
CREDENTIAL_RELOADS: Final = Counter(
    "kubesum_credential_reloads",
    "Credentials reloaded after a 401 or an untrusted certificate of the API server, and token files that could not "
    "be read, by result.",
    ("result",),
)

_OF_REQUEST: Final = ("verb", "group", "version", "resource", "subresource", "scope", "component")
LONG_RUNNING: Final = Gauge("apiserver_longrunning_requests", "Open watches of clients, by resource.", _OF_REQUEST)
SENT_WATCH_EVENTS: Final = Counter(
    "apiserver_watch_events", "Events sent in watches, by resource.", ("group", "version", "resource")
)
WATCHES_CUT: Final = Counter(
    "kubesum_watches_cut",
    "Watches closed because the client did not read its events in time, by resource.",
    ("resource",),
)

LISTS_CUT: Final = Counter(
    "kubesum_lists_cut",
    "Lists that were not sent to the end, because the client did not read while memory was short.",
)

MEMORY_LIMIT: Final = Gauge("kubesum_memory_limit_bytes", "Memory that kubesum keeps below; 0 for no limit.")
MEMORY_USED: Final = Gauge(
    "kubesum_memory_used_bytes",
    "Memory in use, as the kernel counts it against the limit, without pages of files that it can drop.",
)
MEMORY_PRESSURE: Final = Gauge(
    "kubesum_memory_pressure",
    "0 while there is enough memory, 1 while caches are dropped, 2 while lists and new watches are refused, 3 while "
    "lists in progress are ended too.",
)
CACHES_DROPPED: Final = Counter("kubesum_caches_dropped", "How often caches were dropped because memory was short.")

SERVING_CERTIFICATE_NOT_AFTER: Final = Gauge(
    "kubesum_serving_cert_not_after_seconds", "Unix time at which the serving certificate expires."
)

CERTIFICATE_RELOADS: Final = Counter(
    "kubesum_serving_cert_reloads", "Attempts to replace the serving certificate, by result.", ("result",)
)

HANDSHAKES_FAILED: Final = Counter(
    "apiserver_tls_handshake_errors",
    "Failed TLS handshakes, by cause: the client certificate, or TLS itself.",
    ("cause",),
)
CONNECTIONS: Final = Gauge("kubesum_connections", "Open connections of clients, with those in their TLS handshake.")
MAX_CONNECTIONS: Final = Gauge(
    "kubesum_max_connections", "How many connections of clients may be open at the same time."
)
CONNECTIONS_REFUSED: Final = Counter(
    "kubesum_connections_refused",
    "Connections closed for an invalid request, by status code; `silent` if none arrived in time; `limit` if as many "
    "were open as may be, and none was idle.",
    ("code",),
)
CONNECTIONS_EVICTED: Final = Counter(
    "kubesum_connections_evicted",
    "Connections that were closed for a new one, because they were idle for the longest time.",
)
ACCEPT_ERRORS: Final = Counter(
    "kubesum_accept_errors", "Failed attempts to accept a connection, such as for lack of descriptors."
)
AUTHENTICATION_CONFIG_LOADED: Final = Gauge(
    "kubesum_authentication_config_loaded", "1 once the authentication ConfigMap was loaded."
)
AUTHENTICATION_CONFIG_ERRORS: Final = Counter(
    "kubesum_authentication_config_errors", "Invalid versions of the authentication ConfigMap, which were not loaded."
)
AUTHENTICATIONS: Final = Gauge(
    # A counter, but its name in Kubernetes lacks the `_total` that the library gives to every counter.
    "authentication_attempts",
    "Authenticated requests, by result: success, also as anonymous; error with invalid credentials.",
    ("result",),
)
AUTHENTICATION_DURATION: Final = Histogram(
    "authentication_duration_seconds",
    "Time to authenticate a request, by result.",
    ("result",),
    buckets=_OF_ATTEMPTS,
)
AUTHORIZATIONS: Final = Counter(
    "authorization_attempts",
    "Authorized requests, by result: allowed, denied, no-opinion (nothing allows it), error without a review.",
    ("result",),
)
AUTHORIZATION_DURATION: Final = Histogram(
    "authorization_duration_seconds", "Time to authorize a request, by result.", ("result",), buckets=_OF_ATTEMPTS
)
CLIENT_CERTIFICATE_EXPIRATION: Final = Histogram(
    "apiserver_client_certificate_expiration_seconds",
    "How long the certificate is still valid that a request was authenticated with, also that of the front proxy.",
    buckets=(
        *(0, _HOUR / 2, _HOUR, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY),
        *(30 * _DAY, 90 * _DAY, 180 * _DAY, 360 * _DAY),
    ),
)
AUTHENTICATED_REQUESTS: Final = Counter(
    "kubesum_authenticated_requests",
    "Requests by what they were authenticated with: front proxy, certificate, bearer token; none if anonymous.",
    ("method",),
)
TOKEN_REVIEWS: Final = ReviewMetrics(
    Counter(
        "apiserver_delegated_authn_request",
        "TokenReviews sent to kube-apiserver, by status code; <error> without a valid response.",
        ("code",),
    ),
    Histogram(
        "apiserver_delegated_authn_request_duration_seconds",
        "Time from a TokenReview to its response, by status code; with repetitions after errors.",
        ("code",),
        buckets=_OF_REVIEWS,
    ),
)
ACCESS_REVIEWS: Final = ReviewMetrics(
    Counter(
        "apiserver_delegated_authz_request",
        "SubjectAccessReviews sent to kube-apiserver, by status code; <error> without a valid response.",
        ("code",),
    ),
    Histogram(
        "apiserver_delegated_authz_request_duration_seconds",
        "Time from a SubjectAccessReview to its response, by status code; with repetitions after errors.",
        ("code",),
        buckets=_OF_REVIEWS,
    ),
)

INFLIGHT: Final = Gauge(
    "apiserver_current_inflight_requests", "Requests that are being answered, without watches.", ("request_kind",)
)
MAX_INFLIGHT: Final = Gauge(
    "kubesum_max_requests_inflight", "How many requests may be answered at the same time, without watches."
)
MAX_WATCHES: Final = Gauge("kubesum_max_watches", "How many watches of clients may be open at the same time.")
REQUESTS_REFUSED: Final = Counter(
    "kubesum_requests_refused",
    "Requests answered with 429, by reason: as many requests or watches as may be, the share of the user, memory, or "
    "authentication, if as many as may be wait for TokenReviews.",
    ("reason",),
)
REQUESTS: Final = Counter(
    "apiserver_request",
    "Requests, by verb, resource, scope and status code; without a resource for paths that name none that is served.",
    ("verb", "dry_run", *_OF_REQUEST[1:], "code"),
)
REQUEST_DURATION: Final = Histogram(
    "apiserver_request_duration_seconds",
    "Time from a request to the end of its response, by verb, resource and scope; without watches.",
    ("verb", "dry_run", *_OF_REQUEST[1:]),
    # Those of kube-apiserver, and finer ones below.
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, *_OF_REQUESTS),
)
REQUEST_SLI_DURATION: Final = Histogram(
    "apiserver_request_sli_duration_seconds",
    "The same for service level indicators, in their buckets; kube-apiserver leaves out what webhooks take.",
    _OF_REQUEST,
    buckets=_OF_REQUESTS,
)
RESPONSE_SIZES: Final = Histogram(
    "apiserver_response_sizes",
    "Bytes of the bodies of responses to gets and lists, as sent, by verb, resource and scope.",
    _OF_REQUEST,
    buckets=tuple(10**power for power in range(3, 10)),
)
TERMINATIONS: Final = Counter(
    "apiserver_request_terminations",
    "Requests that were refused in self-defense: 429 because too many are in flight, 504 after the request timeout.",
    (*_OF_REQUEST, "code"),
)

ROWS: Final = Gauge(
    "kubesum_rows",
    "Objects of a computed resource, by resource; not updated while no client has read it for five minutes.",
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

LOG_LINES_DROPPED: Final = Counter(
    "kubesum_log_lines_dropped",
    "Lines of the log that could not be written, because nobody reads standard error or its disk is full.",
)

REQUESTS_NOT_LOGGED: Final = Counter(
    "kubesum_requests_not_logged",
    "Requests without a line in the access log of errors, because there were too many with the same code.",
)

EVENT_LOOP_LAG: Final = Histogram(
    "kubesum_event_loop_lag_seconds",
    "By how much a timer fires late because other work holds the event loop; sampled every 100 ms.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
