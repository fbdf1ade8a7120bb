"""The lines above a table: its scope, its freshness, the ClusterSummary, and the views or the open tables."""

from collections.abc import Iterator
from typing import Final

from kubesum.clients.model import cells
from kubesum.clients.model.browser import Browser
from kubesum.clients.model.cells import Gauge, Tone
from kubesum.clients.model.explanations import explanation, freshness
from kubesum.clients.model.objects import Cluster, ClusterStatus
from kubesum.clients.model.views import CLUSTER, VIEWS
from kubesum.clients.terminal.gauges import GLYPHS, bar
from kubesum.clients.terminal.lines import TONES, Line, Role, Span, justified, padded

LEGEND: Final = (
    (GLYPHS[Role.USED], Role.USED, "used"),
    (GLYPHS[Role.REQUESTED], Role.REQUESTED, "requested"),
    (GLYPHS[Role.LIMIT], Role.LIMIT, "limits"),
)
LONGEST_BAR: Final = 40

_AROUND_BAR: Final = len("cpu  100%  ")
_LEGEND_FROM: Final = 100
"""The width of a terminal that has room for the legend beside the views."""


def headline(browser: Browser, width: int) -> tuple[Line, ...]:
    """The lines above the table."""
    return (
        justified(_location(browser), _freshness(browser), width),
        *_cluster(browser, width),
        _breadcrumbs(browser, width) if len(browser.breadcrumbs) > 1 else _tabs(browser, width),
    )


def _location(browser: Browser) -> Iterator[Span]:
    scope = browser.scope
    yield Span("kubesum ", Role.HEADING)
    yield Span(browser.connection.context, Role.STRONG)
    yield Span(f"  namespace {scope.namespace}" if scope.namespace else "  all namespaces")
    if scope.label_selector:
        yield Span(f"  labels {scope.label_selector}", Role.STRONG)
    if browser.table.filter:
        yield Span(f"  filter {browser.table.filter!r}", Role.STRONG)


def _freshness(browser: Browser) -> tuple[Span, ...]:
    informer = browser.table.informer
    tone, text = freshness(informer.last_event_at, informer.error is not None, browser.clock())
    return (Span(f"  {tone.value} {text}", TONES[tone]),)


def _cluster(browser: Browser, width: int) -> tuple[Line, Line]:
    cluster, error = browser.cluster, browser.headline.error
    if cluster is not None:
        return Line(padded(_counts(cluster), width)), _bars(cluster.status, width)
    text = explanation(error, CLUSTER, browser.connection.host) if error else "loading"
    return Line(padded((Span(f"cluster: {text}", Role.FAINT),), width)), Line(padded((), width))


def _counts(cluster: Cluster) -> Iterator[Span]:
    status = cluster.status
    yield Span("nodes ", Role.FAINT)
    yield Span(f"{status.nodes.ready}/{status.nodes.total}")
    yield from _problem_count("cordoned", status.nodes.unschedulable, Tone.WARNING)
    yield Span("  pods ", Role.FAINT)
    yield Span(str(status.pods.total))
    yield from _problem_count("pending", status.pods.unscheduled, Tone.WARNING)
    yield from _problem_count("unhealthy", status.unhealthy, Tone.BAD)
    yield from _problem_count("degraded", status.workloads.degraded, Tone.BAD)


def _problem_count(name: str, number: int, tone: Tone) -> Iterator[Span]:
    """A number and what it counts, nothing for 0."""
    if number:
        yield Span(f"  {tone.value}{number} {name}", TONES[tone])


def _bars(status: ClusterStatus, width: int) -> Line:
    requests, limits, usage = status.requests_percent, status.limits_percent, status.usage_percent
    allocatable = cells.devices(status.allocatable)
    devices = f"gpu {cells.devices(status.requests)}/{allocatable}" if allocatable else ""
    length = max(4, min(LONGEST_BAR, (width - len(devices)) // 2 - _AROUND_BAR))
    spans = (
        *_bar("cpu", Gauge(requests.cpu, limits.cpu, usage.cpu), length),
        *_bar("mem", Gauge(requests.memory, limits.memory, usage.memory), length),
        Span(devices),
    )
    return Line(padded(spans, width))


def _bar(name: str, gauge: Gauge, length: int) -> tuple[Span, ...]:
    tone = cells.share_tone(gauge.requested)
    share = f"{tone.value if tone else ' '}{cells.percent_text(gauge.requested):>4}  "
    return Span(f"{name} ", Role.FAINT), *bar(gauge, length), Span(share, TONES[tone])


def _tabs(browser: Browser, width: int) -> Line:
    spans = (_tab(number, view.name, view is browser.scope.view) for number, view in enumerate(VIEWS, start=1))
    return justified(spans, _legend() if width >= _LEGEND_FROM else (), width)


def _tab(number: int, name: str, is_chosen: bool) -> Span:
    return Span(f"[{number} {name}]", Role.CHOSEN) if is_chosen else Span(f" {number} {name} ", Role.FAINT)


def _breadcrumbs(browser: Browser, width: int) -> Line:
    first, *others = browser.breadcrumbs
    names = [first.view.name, *(f"{scope.view.name} of {scope.opened_from}" for scope in others)]
    spans = (*(Span(f"{name} > ", Role.FAINT) for name in names[:-1]), Span(names[-1], Role.CHOSEN))
    return justified(spans, (), width)


def _legend() -> Iterator[Span]:
    for glyph, role, word in LEGEND:
        yield Span(f"  {glyph} ", role)
        yield Span(word, Role.FAINT)
