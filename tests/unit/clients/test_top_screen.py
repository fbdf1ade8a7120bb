"""Whole screens as text, of fixed data, on terminals of different sizes."""

import time
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest

from kubesum.clients.model.browser import Browser, PromptKind
from kubesum.clients.terminal.lines import Role, printable
from kubesum.clients.terminal.screen import screen
from kubesum.kube.deltas import Deltas, WatchError
from kubesum.kube.objects.meta import Status
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError
from tests.unit.clients.topfixtures import NOW, browsing, cluster, list_once, node, pod, workload

NODES = (
    node("cp-1", cpu=19, memory=2, roles=["control-plane"], limitsPercent={"memory": 7}),
    node("gpu-1", cpu=36, memory=29, limitsPercent={"cpu": 9, "memory": 24}, usagePercent={"cpu": 51, "memory": 20}),
    node("worker-1", cpu=97, memory=104, limitsPercent={"cpu": 300}, usagePercent={"cpu": 40, "memory": 88}),
    node("worker-2", unschedulable=True, usagePercent={"cpu": 4, "memory": 9}),
    node("worker-3-with-a-name-that-is-long", ready="Unknown"),
)
USED: dict[str, Any] = {"usage": {"cpu": "12m", "memory": "97Mi"}}
PODS = (
    pod("gateway-gn7qdt7wwp-r4zdg", nodeName="worker-b-08", **USED),
    pod(
        "payment-gateway-7c9d8f5b6-abcde",
        reason="CrashLoopBackOff",
        healthy=False,
        restarts=12,
        lastRestartTime="2027-01-15T07:55:00Z",
        lastTerminationReason="OOMKilled",
        nodeName="worker-b-08",
        **USED,
    ),
)
LOST = WatchError(UpstreamError("cannot reach https://127.0.0.1:6443: connection refused"), refused=False)


def shown(browser: Browser, width: int = 80, height: int = 12) -> str:
    """The screen as text; each line has exactly the width of the terminal."""
    lines = screen(browser, width, height)
    assert [len(line.text) for line in lines] == [width] * height
    return "\n".join(line.text.rstrip() for line in lines).rstrip("\n")


def table(browser: Browser, width: int) -> str:
    """The table of two rows and the line above it."""
    return "\n".join(shown(browser, width, 8).splitlines()[3:7])


def text(expected: str) -> str:
    return dedent(expected).strip("\n")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The screen shows local times."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def nodes() -> Browser:
    """Five nodes and their cluster."""
    browser, _ = browsing("nodes", *NODES)
    list_once(browser.headline, cluster())
    return browser


def test_nodes_on_a_small_terminal() -> None:
    assert shown(nodes()) == text(
        """
        kubesum shop  all namespaces                                              ● live
        nodes 2/3  ▲1 cordoned  pods 40  ▲2 pending  ✗3 unhealthy  ✗1 degraded
        cpu □□□□□□□□□□□□□···········»  50%  mem □□□□□□············│······  25%  gpu 5/8
        [1 nodes] 2 namespaces  3 workloads  4 unhealthy  5 images
        NAME▲           STATUS          PODS CPU%            MEM%              GPU   AGE
        cp-1            ● Ready        8/110 □□········  19% │·········   2%     -   30d
        gpu-1           ● Ready        8/110 │■■■+·····  36% ■│□·······  29%     -   30d
        worker-1        ● Ready        8/110 ■■■■□□□□□»▲ 97% ■■■■■■■■■□✗104%     -   30d
        worker-2        ▲ Cordoned     8/110 ■□□□□·····  50% ■□□□······  40%     -   30d
        worker-3-with-… ✗ NotReady     8/110 □□□□□·····  50% □□□□······  40%     -   30d

        Enter open  Esc back  s sort  / filter  n namespace  ? help  q quit          1/5
        """
    )


def test_a_wide_terminal_has_longer_bars_and_more_columns() -> None:
    browser, _ = browsing("nodes", *NODES[:4])
    list_once(browser.headline, cluster())

    assert shown(browser, 110, 10) == text(
        """
        kubesum shop  all namespaces                                                                            ● live
        nodes 2/3  ▲1 cordoned  pods 40  ▲2 pending  ✗3 unhealthy  ✗1 degraded
        cpu □□□□□□□□□□□□□□□□□□□□···················»  50%  mem □□□□□□□□□□···················│··········  25%  gpu 5/8
        [1 nodes] 2 namespaces  3 workloads  4 unhealthy  5 images                       ■ used  □ requested  │ limits
        NAME▲          STATUS          PODS CPU%                   CPU-USE% MEM%                  MEM-USE%   GPU   AGE
        cp-1           ● Ready        8/110 □□□··············  19%        - │···············   2%        -     -   30d
        gpu-1          ● Ready        8/110 ■│■■■■+++········  36%      51% ■■■│□···········  29%      20%     -   30d
        worker-1       ● Ready        8/110 ■■■■■■■□□□□□□□□□»▲ 97%      40% ■■■■■■■■■■■■■■□□✗104%      88%     -   30d
        worker-2       ▲ Cordoned     8/110 ■□□□□□□□□········  50%       4% ■□□□□□··········  40%       9%     -   30d
        Enter open  Esc back  s sort  / filter  n namespace  ? help  q quit                                        1/4
        """
    )


def test_old_data_stays_with_its_time_and_the_error() -> None:
    browser = nodes()
    list_once(
        browser.headline,
        cluster(
            unhealthy=0,
            usagePercent={"cpu": 35, "memory": 91},
            conditions=[{"type": "Synced", "status": "False", "message": "not synced: pods"}],
        ),
    )
    browser.table.informer.apply(LOST)
    browser.clock = lambda: NOW + 75  # type: ignore[misc]  # time has passed

    assert shown(browser, height=14) == text(
        """
        kubesum shop  all namespaces                           ✗ as of 08:00:00, 75s ago
        nodes 2/3  ▲1 cordoned  pods 40  ▲2 pending  ✗1 degraded
        cpu ■■■■■■■■■□□□□···········»  50%  mem ■■■■■■++++++++++++│++++··  25%  gpu 5/8
        [1 nodes] 2 namespaces  3 workloads  4 unhealthy  5 images
        NAME▲           STATUS          PODS CPU%            MEM%              GPU   AGE
        cp-1            ● Ready        8/110 □□········  19% │·········   2%     -   30d
        gpu-1           ● Ready        8/110 │■■■+·····  36% ■│□·······  29%     -   30d
        worker-1        ● Ready        8/110 ■■■■□□□□□»▲ 97% ■■■■■■■■■□✗104%     -   30d
        worker-2        ▲ Cordoned     8/110 ■□□□□·····  50% ■□□□······  40%     -   30d
        worker-3-with-… ✗ NotReady     8/110 □□□□□·····  50% □□□□······  40%     -   30d

        ✗ cannot reach https://127.0.0.1:6443: connection refused
        ▲ kubesum's own data is old: not synced: pods
        Enter open  Esc back  s sort  / filter  n namespace  ? help  q quit          1/5
        """
    )


def test_workloads() -> None:
    odd = [{"reason": "OOMKilled", "count": 2}]
    browser, _ = browsing(
        "workloads",
        workload("web"),
        workload("ledger", health="Degraded", statusCounts=odd),
        workload("batch", health="Suspended"),
    )

    assert shown(browser, 110, 9) == text(
        """
        kubesum shop  all namespaces                                                                            ● live
        cluster: loading

         1 nodes  2 namespaces [3 workloads] 4 unhealthy  5 images                       ■ used  □ requested  │ limits
        NAMESPACE    NAME                     READY HEALTH▼       STATUS             RESTARTS CPU-REQ MEM-REQ   AGE
        payments     deployment.ledger          2/2 ✗ Degraded    OOMKilled x2              0    500m   256Mi   30d
        payments     deployment.batch           2/2 ○ Suspended   -                         0    500m   256Mi   30d
        payments     deployment.web             2/2 ● Healthy     -                         0    500m   256Mi   30d
        Enter open  Esc back  s sort  / filter  n namespace  ? help  q quit                                        1/3
        """
    )


def test_workloads_at_120_columns_show_requests_and_usage() -> None:
    odd = [{"reason": "CrashLoopBackOff", "count": 2}]
    long = "cluster.postgres.example.com.postgres-5bf6a1e8e6"
    browser, _ = browsing(
        "workloads", workload("web", **USED), workload(long, "kube-system", "Progressing", statusCounts=odd, **USED)
    )

    assert table(browser, 120) == text(
        """
         1 nodes  2 namespaces [3 workloads] 4 unhealthy  5 images                                 ■ used  □ requested  │ limits
        NAMESPACE    NAME                          READY HEALTH▼       STATUS              CPU-REQ CPU-USE MEM-REQ MEM-USE   AGE
        kube-system  deployment.cluster.postgre…     2/2 ▲ Progressing CrashLoopBackOff x2    500m     12m   256Mi    97Mi   30d
        payments     deployment.web                  2/2 ● Healthy     -                      500m     12m   256Mi    97Mi   30d
        """  # noqa: E501  # as wide as the terminal
    )


def test_unhealthy_pods_at_120_columns_show_requests_and_usage() -> None:
    browser, _ = browsing("unhealthy", *PODS)

    assert table(browser, 120) == text(
        """
         1 nodes  2 namespaces  3 workloads [4 unhealthy] 5 images                                 ■ used  □ requested  │ limits
        NAMESPACE▲   NAME                             READY STATUS             RESTARTS    CPU-REQ CPU-USE MEM-REQ MEM-USE   AGE
        payments     gateway-gn7qdt7wwp-r4zdg           1/1 ● Running          0              250m     12m   128Mi    97Mi   24h
        payments     payment-gateway-7c9d8f5b6-abc…     1/1 ✗ CrashLoopBackOff 12 (5m ago)    250m     12m   128Mi    97Mi   24h
        """  # noqa: E501  # as wide as the terminal
    )


def test_pods_of_a_node_do_not_repeat_it() -> None:
    browser, _ = browsing("nodes", node("worker-b-08"))
    browser.open()
    list_once(browser.table.informer, *PODS)

    assert table(browser, 160) == text(
        """
        nodes > pods of worker-b-08
        NAMESPACE    NAME▲                             READY STATUS             RESTARTS    WORKLOAD          LAST-END  CPU-REQ CPU-USE MEM-REQ MEM-USE   AGE
        payments     gateway-gn7qdt7wwp-r4zdg            1/1 ● Running          0           deployment/ledger -            250m     12m   128Mi    97Mi   24h
        payments     payment-gateway-7c9d8f5b6-abcde     1/1 ✗ CrashLoopBackOff 12 (5m ago) deployment/ledger OOMKilled    250m     12m   128Mi    97Mi   24h
        """  # noqa: E501  # as wide as the terminal
    )


def test_pods_of_a_workload_do_not_repeat_it() -> None:
    browser, _ = browsing("workloads", workload("ledger"))
    browser.open()
    list_once(browser.table.informer, *PODS)

    assert table(browser, 160) == text(
        """
        workloads > pods of deployment.ledger
        NAME▲                             READY STATUS             RESTARTS    NODE         LAST-END  CPU-REQ CPU-USE MEM-REQ MEM-USE   AGE
        gateway-gn7qdt7wwp-r4zdg            1/1 ● Running          0           worker-b-08  -            250m     12m   128Mi    97Mi   24h
        payment-gateway-7c9d8f5b6-abcde     1/1 ✗ CrashLoopBackOff 12 (5m ago) worker-b-08  OOMKilled    250m     12m   128Mi    97Mi   24h
        """  # noqa: E501  # as wide as the terminal
    )


def test_namespace_labels_and_filter_are_shown_above_a_table() -> None:
    browser, _ = browsing("unhealthy", pod("ledger-x"), namespace="payments", label_selector="app=web")
    browser.ask(PromptKind.FILTER)
    for letter in "zzz":
        browser.type(letter)

    assert shown(browser, height=8) == text(
        """
        kubesum shop  namespace payments  labels app=web  filter 'zzz'            ● live
        cluster: loading

         1 nodes  2 namespaces  3 workloads [4 unhealthy] 5 images

        none of 1 rows contains 'zzz'

        filter: zzz
        """
    )


def test_an_opened_table_shows_where_it_was_opened_from() -> None:
    browser, _ = browsing("nodes", *NODES)
    browser.open()

    assert shown(browser, height=8) == text(
        """
        kubesum shop  all namespaces                                           ○ loading
        cluster: loading

        nodes > pods of cp-1

        loading

        Enter open  Esc back  s sort  / filter  n namespace  ? help  q quit
        """
    )


def test_the_help_fits_a_small_terminal() -> None:
    browser = nodes()
    browser.help()

    assert shown(browser, height=24) == text(
        """
        kubesum top  Esc closes this help
                 1  nodes: how full each node is, and what is wrong with it
                 2  namespaces: requests and usage of each, its pods and workloads
                 3  workloads: each owner of pods, the worst health first
                 4  unhealthy: pods that are not healthy
                 5  images: which images run where, the most used first
             Enter  open a row: a node's pods, their workload, ...
               Esc  close the prompt, the filter or the table
           ↑ ↓ k j  one row up or down
         PgUp PgDn  one screen up or down
          Home End  to the first or last row
               s S  sort by the next column, or by the one before
                 r  reverse the order
                 /  show only rows that contain a text
                 l  select by labels, as kubectl -l does
                 n  show one namespace
                 a  show all namespaces
                 ?  open or close this help
          q Ctrl-C  quit
             marks  ● good   ▲ warning   ✗ bad   ○ idle
              bars  ■■■■■■■□□□□□····│···  of what is allocatable
                    ■ used  + used, not requested  □ requested  │ limits  » beyond


        """
    )


def test_a_tiny_terminal() -> None:
    browser, _ = browsing("nodes", *NODES)

    assert shown(browser, 30, 7) == text(
        """
        kubesum shop  all nam…  ● live
        cluster: loading

        [1 nodes] 2 namespaces  3 wor…
        NAME▲          STATUS        …
        cp-1           ● Ready       …
        Enter open  Esc back  s s… 1/5
        """
    )
    assert len(screen(browser, 1, 1)) == 1


def test_a_forbidden_view_names_the_cluster_role() -> None:
    browser, _ = browsing("nodes")
    browser.table.informer.has_synced = False
    browser.table.informer.last_event_at = None
    refusal = StatusError("https://127.0.0.1:6443/x", Status(403, "Forbidden", "no"))
    browser.table.informer.apply(WatchError(refusal, refused=True))
    browser.headline.apply(WatchError(refusal, refused=True))

    assert shown(browser, height=9) == text(
        """
        kubesum shop  all namespaces                                           ✗ no data
        cluster: not allowed to list clustersummaries: the ClusterRole kubesum:cluster-…

        [1 nodes] 2 namespaces  3 workloads  4 unhealthy  5 images

        ✗ not allowed to list nodesummaries: the ClusterRole kubesum:cluster-view grants
        it

        Enter open  Esc back  s sort  / filter  n namespace  ? help  q quit
        """
    )


def test_a_notice_replaces_the_key_hints() -> None:
    browser, _ = browsing("nodes")
    browser.open()

    assert shown(browser).splitlines()[-1] == "there is nothing to open here"


def test_a_suggestion_follows_the_typed_text() -> None:
    browser, _ = browsing("unhealthy", pod("ledger-x", "payments"))
    browser.ask(PromptKind.NAMESPACE)
    for letter in "pa":
        browser.type(letter)

    spans = screen(browser, 80, 12)[-1].spans

    assert [(span.text, span.role) for span in spans[1:4]] == [
        ("pa", Role.STRONG),
        ("y", Role.CURSOR),
        ("ments", Role.FAINT),
    ]


def test_only_the_row_under_the_cursor_is_selected() -> None:
    browser = nodes()
    browser.move(2)

    lines = screen(browser, 80, 12)

    assert [line.text[:8] for line in lines if line.selected] == ["worker-1"]


def test_every_coloured_text_has_a_mark() -> None:
    spans = [span for line in screen(nodes(), 80, 12)[5:] for span in line.spans]

    for role, mark in ((Role.BAD, "✗"), (Role.WARNING, "▲"), (Role.GOOD, "●")):
        coloured = [span.text for span in spans if span.role is role]
        assert coloured
        assert all(mark in words for words in coloured)


def test_columns_stay_as_wide_as_the_longest_name_seen() -> None:
    browser, _ = browsing("nodes", node("a"), node("worker-3-with-a-name-that-is-long"))
    before = shown(browser, 120).splitlines()[4].index("STATUS")

    browser.table.informer.apply(Deltas([(("", "worker-3-with-a-name-that-is-long"), None)]))

    assert shown(browser, 120).splitlines()[4].index("STATUS") == before == 34


def test_control_characters_are_replaced() -> None:
    assert printable("a\x1b]0;b\x07\nc\x9bd") == "a?]0;b??c?d"
