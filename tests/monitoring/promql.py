"""The part of PromQL that the dashboards and alerts use, evaluated over scrapes of one target after another.

promql-parser reads the expressions, and refuses what Prometheus would. prometheus.io/docs/prometheus/latest/querying.
Rates are not extrapolated to the ends of their ranges, so that they are those of Prometheus where scrapes are at both
ends. test_prometheus.py compares.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import promql_parser as ast
from promql_parser import MatchOp

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Samples = Mapping[str, Sequence[tuple[Mapping[str, str], float]]]
"""By name, the labels and values of a scrape."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What was scraped, and when, in seconds."""

    at: float
    samples: Samples


class Unsupported(ValueError):
    """An expression that Prometheus refuses, or outside the part of PromQL that is evaluated here."""


AGGREGATIONS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "max": max,
    "min": min,
    "sum": sum,
    "count": len,
}
COMPARISONS: Final = {"==": operator.eq, "<": operator.lt, ">": operator.gt}


def _divided(value: float, by: float) -> float:
    if by:
        return value / by
    return math.copysign(math.inf, value) if value else math.nan


CALCULATIONS: Final[Mapping[str, Callable[[float, float], float]]] = {"/": _divided, "-": operator.sub}


def filled(expression: str) -> str:
    """An expression with the range that Grafana fills in: four times the least step of the panels."""
    return expression.replace("$__rate_interval", "4m")


def parsed(expression: str) -> ast.Expr:
    """The parts of an expression; raises Unsupported."""
    try:
        return ast.parse(filled(expression))
    except ValueError as error:
        raise Unsupported(f"{expression}: {error}") from error


def nodes(expression: ast.Expr) -> Iterator[ast.Expr]:
    """An expression and all parts of it."""
    found: list[ast.Expr] = []
    ast.walk(expression, found.append)
    return iter(found)


def evaluated(expression: str, *scrapes: Scrape) -> Vector:
    """The result at the last scrape; raises Unsupported."""
    return _vector(parsed(expression), scrapes)


def _vector(node: ast.Expr, scrapes: Sequence[Scrape]) -> Vector:
    match node:
        case ast.ParenExpr():
            return _vector(node.expr, scrapes)
        case ast.VectorSelector():
            return _selected(node, scrapes[-1].samples)
        case ast.AggregateExpr():
            return _aggregated(node, scrapes)
        case ast.BinaryExpr():
            return _combined(node, scrapes)
        case ast.Call():
            return _called(node, scrapes)
    raise Unsupported(str(node))


def _scalar(node: ast.Expr, scrapes: Sequence[Scrape]) -> float | None:
    """The value of a number or of time(); None of anything else."""
    if isinstance(node, ast.NumberLiteral):
        return node.val
    if isinstance(node, ast.Call) and node.func.name == "time":
        return scrapes[-1].at
    return None


def _selected(node: ast.VectorSelector, samples: Samples) -> Vector:
    if node.name is None or node.offset or node.at or node.matchers.or_matchers:
        raise Unsupported(str(node))
    return {
        frozenset(labels.items()): value
        for labels, value in samples.get(node.name, ())
        if all(_matches(matcher, labels.get(matcher.name, "")) for matcher in node.matchers.matchers)
    }


def _matches(matcher: ast.Matcher, value: str) -> bool:
    if matcher.op in (MatchOp.Equal, MatchOp.NotEqual):
        return (value == matcher.value) == (matcher.op == MatchOp.Equal)
    return (re.fullmatch(matcher.value, value) is not None) == (matcher.op == MatchOp.Re)


def _aggregated(node: ast.AggregateExpr, scrapes: Sequence[Scrape]) -> Vector:
    function = AGGREGATIONS.get(str(node.op))
    if function is None:
        raise Unsupported(str(node))
    by = grouped_by(node)
    groups: dict[Labels, list[float]] = {}
    for labels, value in _vector(node.expr, scrapes).items():
        groups.setdefault(_only(labels, by), []).append(value)
    return {labels: function(values) for labels, values in groups.items()}


def grouped_by(node: ast.AggregateExpr) -> Sequence[str]:
    """The labels by which an aggregation groups; raises Unsupported for `without`."""
    if node.modifier is None:
        return ()
    if node.modifier.type != ast.AggModifierType.By:
        raise Unsupported(str(node))
    return node.modifier.labels


def _only(labels: Labels, names: Iterable[str]) -> Labels:
    return frozenset(pair for pair in labels if pair[0] in names)


def _combined(node: ast.BinaryExpr, scrapes: Sequence[Scrape]) -> Vector:
    symbol = str(node.op)
    if symbol == "and":
        return _intersected(node, scrapes)
    if node.modifier is not None:
        raise Unsupported(str(node))
    if symbol in COMPARISONS:
        return _compared(node, scrapes)
    if symbol in CALCULATIONS:
        return _calculated(node, scrapes)
    raise Unsupported(str(node))


def _intersected(node: ast.BinaryExpr, scrapes: Sequence[Scrape]) -> Vector:
    on = node.modifier.matching if node.modifier else None
    if on is None or on.type != ast.LabelModifierType.Include:
        raise Unsupported(str(node))
    right = {_only(labels, on.labels) for labels in _vector(node.rhs, scrapes)}
    left = _vector(node.lhs, scrapes)
    return {labels: value for labels, value in left.items() if _only(labels, on.labels) in right}


def _compared(node: ast.BinaryExpr, scrapes: Sequence[Scrape]) -> Vector:
    limit = _scalar(node.rhs, scrapes)
    if limit is None:
        raise Unsupported(str(node))
    left = _vector(node.lhs, scrapes)
    return {labels: value for labels, value in left.items() if COMPARISONS[str(node.op)](value, limit)}


def _calculated(node: ast.BinaryExpr, scrapes: Sequence[Scrape]) -> Vector:
    calculate = CALCULATIONS[str(node.op)]
    first, second = _scalar(node.lhs, scrapes), _scalar(node.rhs, scrapes)
    if first is not None:
        return {labels: calculate(first, value) for labels, value in _vector(node.rhs, scrapes).items()}
    left = _vector(node.lhs, scrapes)
    if second is not None:
        return {labels: calculate(value, second) for labels, value in left.items()}
    right = _vector(node.rhs, scrapes)
    return {labels: calculate(value, right[labels]) for labels, value in left.items() if labels in right}


def _called(node: ast.Call, scrapes: Sequence[Scrape]) -> Vector:
    match node.func.name, node.args:
        case ("rate" | "increase") as name, [ast.MatrixSelector() as over]:
            end = scrapes[-1].at
            inside = [scrape for scrape in scrapes if scrape.at >= end - over.range.total_seconds()]
            seconds = end - inside[0].at if name == "rate" else 1.0
            return {labels: grown / seconds for labels, grown in _increases(over.vector_selector, inside).items()}
        case "histogram_quantile", [ast.NumberLiteral() as share, buckets]:
            return _quantiles(share.val, _vector(buckets, scrapes))
        case "absent", [ast.VectorSelector() as selector] if not selector.matchers.matchers:
            return {} if _vector(selector, scrapes) else {frozenset(): 1.0}
    raise Unsupported(str(node))


def _increases(selector: ast.VectorSelector, scrapes: Sequence[Scrape]) -> Vector:
    """By how much series grew that are in two scrapes or more; a counter that fell began at 0 again."""
    found: dict[Labels, list[float]] = {}
    for scrape in scrapes:
        for labels, value in _selected(selector, scrape.samples).items():
            found.setdefault(labels, []).append(value)
    return {
        labels: sum(after - before if after >= before else after for before, after in pairwise(values))
        for labels, values in found.items()
        if len(values) > 1
    }


def _quantiles(share: float, buckets: Vector) -> Vector:
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in buckets.items():
        bound = dict(labels).get("le")
        if bound is not None:
            rest = frozenset(pair for pair in labels if pair[0] != "le")
            groups.setdefault(rest, []).append((float(bound), value))
    return {labels: _quantile(share, sorted(cumulative)) for labels, cumulative in groups.items()}


def _quantile(share: float, cumulative: Sequence[tuple[float, float]]) -> float:
    """Linear between the bounds of the bucket, as promql/quantile.go of Prometheus has it."""
    total = cumulative[-1][1]
    if cumulative[-1][0] != math.inf or len(cumulative) < 2 or not total:
        return math.nan
    rank = share * total
    at = next(at for at, (_, count) in enumerate(cumulative) if count >= rank)
    if cumulative[at][0] == math.inf:
        return cumulative[-2][0]
    low, before = cumulative[at - 1] if at else (0.0, 0.0)
    high, count = cumulative[at]
    return low + (high - low) * (rank - before) / (count - before)
