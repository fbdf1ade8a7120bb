"""What the panels of the server's dashboard make of two replicas, beside targets that are no replicas."""

from collections.abc import Mapping

import pytest

from tests.monitoring.expressions import OF_SERVER
from tests.monitoring.promql import evaluated
from tests.monitoring.scraping import scrapes

# A range of Prometheus 3 is without its beginning.
SECONDS = 239.99

SERIES = """
kubesum_informer_synced{resource="pods"} 1 3 #
kubesum_informer_synced{resource="nodes"} 0.5 1 #
kubesum_informer_in_step{resource="pods"} 1 3 #
kubesum_informer_in_step{resource="nodes"} 0.5 1 #
kubesum_informer_in_step{resource="nodes.metrics.k8s.io"} 0 0 #
kubesum_informer_last_byte_timestamp_seconds{resource="pods"} 230 220 #
kubesum_informer_last_byte_timestamp_seconds{resource="nodes"} 100 200 #
kubesum_serving_cert_not_after_seconds{} 2000 1000 #
kubesum_event_loop_lag_seconds_count{} 600 1200 #
kubesum_event_loop_lag_seconds_bucket{le="0.1"} 240 0 #
kubesum_event_loop_lag_seconds_bucket{le="0.5"} 480 960 #
kubesum_event_loop_lag_seconds_bucket{le="+Inf"} 480 960 #
kubesum_watch_events_total{resource="pods",type="ADDED"} 240 480 #
kubesum_watch_events_total{resource="nodes",type="ADDED"} 720 0 #
kubesum_published_rows_total{} 240 480 #
kubesum_relists_total{resource="pods",reason="410"} 240 480 #
kubesum_relists_total{resource="nodes",reason="410"} 240 0 #
kubesum_watch_restarts_total{resource="pods",reason="eof"} 480 480 #
kubesum_watch_restarts_total{resource="nodes",reason="reset"} 240 0 #
kubesum_connections_refused_total{code="400"} 240 480 #
kubesum_watches_cut_total{resource="pods"} 480 720 #
kubesum_requests_refused_total{reason="user"} 240 240 #
kubesum_requests_refused_total{reason="memory"} 0 720 #
kubesum_memory_limit_bytes{} 400 500 #
kubesum_connections{} 3 4 #
kubesum_max_connections{} 8 9 #
apiserver_longrunning_requests{resource="pods"} 2 3 50
apiserver_current_inflight_requests{request_kind="readOnly"} 1 3 50
apiserver_request_total{group="g",verb="GET",code="200"} 240 480 7200
apiserver_request_total{group="g",verb="LIST",code="403"} 240 0 7200
apiserver_request_total{group="",verb="GET",code="200"} 720 0 7200
apiserver_request_duration_seconds_bucket{group="g",verb="GET",le="1"} 240 0 7200
apiserver_request_duration_seconds_bucket{group="g",verb="GET",le="2"} 480 960 7200
apiserver_request_duration_seconds_bucket{group="g",verb="GET",le="+Inf"} 480 960 7200
apiserver_request_duration_seconds_bucket{group="g",verb="LIST",le="1"} 0 240 7200
apiserver_request_duration_seconds_bucket{group="g",verb="LIST",le="2"} 480 480 7200
apiserver_request_duration_seconds_bucket{group="g",verb="LIST",le="+Inf"} 480 480 7200
apiserver_request_duration_seconds_bucket{group="",verb="GET",le="1"} 7200 7200 7200
apiserver_request_duration_seconds_bucket{group="",verb="GET",le="2"} 7200 7200 7200
apiserver_request_duration_seconds_bucket{group="",verb="GET",le="+Inf"} 7200 7200 7200
apiserver_watch_events_total{resource="pods"} 240 960 7200
apiserver_delegated_authn_request_total{code="201"} 240 480 7200
apiserver_delegated_authz_request_total{code="201"} 240 720 7200
process_resident_memory_bytes{} 100 200 300
"""

# By panel and query, what is shown by the one label that tells series apart; per second where it is a rate.
SHOWN: Mapping[str, Mapping[str, float]] = {
    "Kinds listed A": {"": 0.5},
    "Kinds up to date A": {"": 0.5},
    "Watches A": {"": 5},
    "Requests in flight A": {"": 4},
    "Certificate ends in A": {"": 760.01},
    "Replicas A": {"": 2},
    "Requests by verb A": {"GET": 3, "LIST": 1},
    "Requests by code A": {"200": 6, "403": 1},
    "Latency of gets and lists A": {"": 1.4},
    "Latency of gets and lists B": {"": 1.988},
    "Latency of gets and lists C": {"": 1 + 300 / 900},
    "Latency of gets and lists D": {"": 1 + 888 / 900},
    "Event loop lag A": {"": 0.1 + 0.4 * 600 / 1500},
    "Event loop lag B": {"": 0.1 + 0.4 * 1482 / 1500},
    "Events received and sent A": {"": 6},
    "Events received and sent B": {"": 5},
    "Events received and sent C": {"": 3},
    "Age of the last byte A": {"pods": 19.99, "nodes": 139.99},
    "Lists and restarts of watches A": {"410": 4},
    "Lists and restarts of watches B": {"eof": 4, "reset": 1},
    "Refused A": {"user": 2, "memory": 3},
    "Refused B": {"": 3},
    "Refused C": {"": 5},
    "Reviews A": {"201": 3},
    "Reviews B": {"201": 4},
    "Memory A": {"one": 100, "two": 200},
    "Memory B": {"": 400},
    "Connections A": {"one": 3, "two": 4},
    "Connections B": {"": 8},
}


SCRAPES = scrapes(SERIES, SECONDS)


@pytest.mark.parametrize(("where", "expression"), OF_SERVER)
def test_a_panel_shows_of_both_replicas(where: str, expression: str) -> None:
    found = evaluated(expression, *SCRAPES)

    values = {next((text for label, text in labels if label != "job"), ""): value for labels, value in found.items()}
    assert values == pytest.approx(SHOWN[where.partition(": ")[2]], rel=1e-4)
