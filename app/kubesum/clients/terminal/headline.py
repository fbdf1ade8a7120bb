"""The lines above a table: where one is, how fresh what is shown is, and the whole cluster in two lines."""

import time
from collections.abc import Iterator
from typing import Final

from kubesum.clients.model import cells
from kubesum.clients.model.browser import Browser
from kubesum.clients.model.cells import Gauge, Tone
from kubesum.clients.model.explanations import sentence
from kubesum.clients.model.objects import Cluster, ClusterStatus
from kubesum.clients.model.views import CLUSTER, VIEWS
from kubesum.clients.terminal.gauges import GLYPHS, bar
from kubesum.clients.terminal.lines import TONES, Line, Role, Span, filled, parted

LEGEND: Final = (
    (GLYPHS[Role.USED], Role.USED, "used"),
    (GLYPHS[Role.REQUESTED], Role.REQUESTED, "requested"),
    (GLYPHS[Role.LIMIT], Role.LIMIT, "limits"),
)
LONGEST_BAR: Final = 40

_AROUND_BAR: Final = len("cpu  100%  ")
_LEGEND_FROM: Final = 100
"""Terminals of this width have room for the legend beside the views."""


def headline(browser: Browser, width: int) -> tuple[Line, ...]:
    """The lines above the table."""
    return (
        parted(_place(browser), _freshness(browser), width),
        *_cluster(browser, width),
        _trail(browser, width) if len(browser.trail) > 1 else _tabs(browser, width),
    )


def freshness(heard_at: float | None, has_trouble: bool, now: float) -> tuple[Tone, str]:
    """What to think of the age of what is shown, and the words for it."""
    if not has_trouble:
        return (Tone.IDLE, "loading") if heard_at is None else (Tone.GOOD, "live")
    if heard_at is None:
        return Tone.BAD, "no data"
    clock = time.strftime("%H:%M:%S", time.localtime(heard_at))
    return Tone.BAD, f"as of {clock}, {int(now - heard_at)}s ago"


def _place(browser: Browser) -> Iterator[Span]:
    scope = browser.scope
    yield Span("kubesum ", Role.HEADING)
    yield Span(browser.server.context, Role.STRONG)
    yield Span(f"  namespace {scope.namespace}" if scope.namespace else "  all namespaces")
    if scope.labels:
        yield Span(f"  labels {scope.labels}", Role.STRONG)
    if browser.table.needle:
        yield Span(f"  filter {browser.table.needle!r}", Role.STRONG)


def _freshness(browser: Browser) -> tuple[Span, ...]:
    feed = browser.table.feed
    tone, words = freshness(feed.heard_at, feed.trouble is not None, browser.clock())
    return (Span(f"  {tone.value} {words}", TONES[tone]),)


def _cluster(browser: Browser, width: int) -> tuple[Line, Line]:
    cluster, trouble = browser.cluster, browser.headline.trouble
    if cluster is not None:
        return Line(filled(_counts(cluster), width)), _bars(cluster.status, width)
    said = sentence(trouble, CLUSTER, browser.server.host) if trouble else "loading"
    return Line(filled((Span(f"cluster: {said}", Role.FAINT),), width)), Line(filled((), width))


def _counts(cluster: Cluster) -> Iterator[Span]:
    status = cluster.status
    yield Span("nodes ", Role.FAINT)
    yield Span(f"{status.nodes.ready}/{status.nodes.total}")
    yield from _alarm("cordoned", status.nodes.unschedulable, Tone.WARNING)
    yield Span("  pods ", Role.FAINT)
    yield Span(str(status.pods.total))
    yield from _alarm("pending", status.pods.unscheduled, Tone.WARNING)
    yield from _alarm("unhealthy", status.unhealthy, Tone.BAD)
    yield from _alarm("degraded", status.workloads.degraded, Tone.BAD)


def _alarm(name: str, number: int, tone: Tone) -> Iterator[Span]:
    """A number that is worth a word only where it is not 0."""
    if number:
        yield Span(f"  {tone.value}{number} {name}", TONES[tone])


def _bars(status: ClusterStatus, width: int) -> Line:
    requests, limits, usage = status.requests_percent, status.limits_percent, status.usage_percent
    there = cells.devices(status.allocatable)
    devices = f"gpu {cells.devices(status.requests)}/{there}" if there else ""
    length = max(4, min(LONGEST_BAR, (width - len(devices)) // 2 - _AROUND_BAR))
    spans = (
        *_bar("cpu", Gauge(requests.cpu, limits.cpu, usage.cpu), length),
        *_bar("mem", Gauge(requests.memory, limits.memory, usage.memory), length),
        Span(devices),
    )
    return Line(filled(spans, width))


def _bar(name: str, gauge: Gauge, length: int) -> tuple[Span, ...]:
    tone = cells.share_tone(gauge.requested)
    share = f"{tone.value if tone else ' '}{cells.percent_text(gauge.requested):>4}  "
    return Span(f"{name} ", Role.FAINT), *bar(gauge, length), Span(share, TONES[tone])


def _tabs(browser: Browser, width: int) -> Line:
    spans = (_tab(number, view.name, view is browser.scope.view) for number, view in enumerate(VIEWS, start=1))
    return parted(spans, _legend() if width >= _LEGEND_FROM else (), width)


def _tab(number: int, name: str, is_chosen: bool) -> Span:
    return Span(f"[{number} {name}]", Role.CHOSEN) if is_chosen else Span(f" {number} {name} ", Role.FAINT)


def _trail(browser: Browser, width: int) -> Line:
    first, *others = browser.trail
    names = [first.view.name, *(f"{scope.view.name} of {scope.of}" for scope in others)]
    spans = (*(Span(f"{name} > ", Role.FAINT) for name in names[:-1]), Span(names[-1], Role.CHOSEN))
    return parted(spans, (), width)


def _legend() -> Iterator[Span]:
    for glyph, role, word in LEGEND:
        yield Span(f"  {glyph} ", role)
        yield Span(word, Role.FAINT)
