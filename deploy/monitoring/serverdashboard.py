"""The dashboard of kubesum itself: what it is asked, how long it takes, and whether its data are fresh."""

from typing import Final

from deploy.monitoring.expressions import OF_WATCHED, OWN, of_kubesum, per_second, quantile
from deploy.monitoring.panels import PROMETHEUS, JsonObject, Query, dashboard, series, source_variable, stat

UID: Final = "kubesum-server"
RANGE: Final = "$__rate_interval"

# Also of kinds that RollupDefinitions make, which are in a group of their own; paths that name no kind have none.
_REQUESTS: Final = 'group!=""'
_MUST_BE_ONE: Final = (("red", None), ("green", 1.0))


def rate(metric: str, labels: str = "") -> str:
    """By how much a counter grows each second."""
    return per_second(metric, RANGE, labels)


def server_dashboard() -> JsonObject:
    """The dashboard."""
    panels = [
        stat(
            "Kinds listed",
            "1 if every watched kind was listed.",
            Query("min(kubesum_informer_synced{})"),
            steps=_MUST_BE_ONE,
        ),
        stat(
            "Kinds up to date",
            "1 if every watch works.",
            Query(f"min({OF_WATCHED})"),
            steps=_MUST_BE_ONE,
        ),
        stat("Watches", "Open watches of clients.", Query(f"sum({of_kubesum('apiserver_longrunning_requests{}')})")),
        stat(
            "Requests in flight",
            "Without watches.",
            Query(f"sum({of_kubesum('apiserver_current_inflight_requests{}')})"),
        ),
        stat(
            "Certificate ends in",
            "Time until the serving certificate expires.",
            Query("min(kubesum_serving_cert_not_after_seconds{}) - time()"),
            "s",
            (("red", None), ("orange", 7 * 86400.0), ("green", 30 * 86400.0)),
        ),
        stat("Replicas", "Servers that export metrics.", Query(f"count({OWN})")),
        series(
            "Requests by verb",
            "Requests of kinds each second.",
            [Query(f"sum by (verb) ({rate('apiserver_request_total', _REQUESTS)})", "{{verb}}")],
            "reqps",
            stacked=True,
        ),
        series(
            "Requests by code",
            "All requests each second, by status code.",
            [Query(f"sum by (code) ({rate('apiserver_request_total')})", "{{code}}")],
            "reqps",
            stacked=True,
        ),
        series(
            "Latency of gets and lists",
            "From the request to the end of its response.",
            [
                Query(
                    quantile(share, "apiserver_request_duration_seconds", RANGE, f'{_REQUESTS}, verb="{verb}"'),
                    f"{verb} p{p}",
                )
                for verb in ("GET", "LIST")
                for share, p in (("0.5", 50), ("0.99", 99))
            ],
            "s",
        ),
        series(
            "Event loop lag",
            "By how much a timer fires late because other work holds the event loop.",
            [
                Query(quantile(share, "kubesum_event_loop_lag_seconds", RANGE), f"p{p}")
                for share, p in (("0.5", 50), ("0.99", 99))
            ],
            "s",
        ),
        series(
            "Events received and sent",
            "Events each second: of watches of the API server, and in watches of clients.",
            [
                Query(f"sum({rate('kubesum_watch_events_total')})", "received"),
                Query(f"sum({rate('apiserver_watch_events_total')})", "sent"),
                Query(f"sum({rate('kubesum_published_rows_total')})", "rows published"),
            ],
        ),
        series(
            "Age of the last byte",
            "Time since data of a kind last arrived, at the replica where it is longest ago.",
            [Query("time() - min by (resource) (kubesum_informer_last_byte_timestamp_seconds{})", "{{resource}}")],
            "s",
        ),
        series(
            "Lists and restarts of watches",
            "Each second, by reason.",
            [
                Query(f"sum by (reason) ({rate('kubesum_relists_total')})", "list: {{reason}}"),
                Query(f"sum by (reason) ({rate('kubesum_watch_restarts_total')})", "watch: {{reason}}"),
            ],
        ),
        series(
            "Refused",
            "Requests answered with 429 by reason, connections refused, and watches cut, each second.",
            [
                Query(f"sum by (reason) ({rate('kubesum_requests_refused_total')})", "requests: {{reason}}"),
                Query(f"sum({rate('kubesum_connections_refused_total')})", "connections"),
                Query(f"sum({rate('kubesum_watches_cut_total')})", "watches"),
            ],
        ),
        series(
            "Reviews",
            "TokenReviews and SubjectAccessReviews each second, by status code.",
            [
                Query(f"sum by (code) ({rate('apiserver_delegated_authn_request_total')})", "token: {{code}}"),
                Query(f"sum by (code) ({rate('apiserver_delegated_authz_request_total')})", "access: {{code}}"),
            ],
        ),
        series(
            "Memory",
            "Resident memory of each replica.",
            [
                Query(of_kubesum("process_resident_memory_bytes{}"), "{{instance}}"),
                Query("min(kubesum_memory_limit_bytes{})", "limit of a replica, 0 for none"),
            ],
            "bytes",
        ),
        series(
            "Connections",
            "Open connections of clients at each replica.",
            [
                Query("max by (instance) (kubesum_connections{})", "{{instance}}"),
                Query("min(kubesum_max_connections{})", "limit of a replica"),
            ],
        ),
    ]
    return dashboard(
        UID,
        "kubesum / Server",
        "What kubesum is asked, how long it takes, and whether its data are fresh.",
        [source_variable(PROMETHEUS)],
        panels,
    )
