"""The part of PromQL that the dashboard of the cluster uses, evaluated over one scrape.

    expression = term {("/" | "-") term}
    term       = aggregation ["by" "(" labels ")"] "(" expression ")" | selector
    selector   = name "{" [label ("=" | "!=") '"' value '"' {"," ...}] "}"

Binary operators match series with equal labels, as Prometheus does without `on`; the metric's name is no label of a
result. prometheus.io/docs/prometheus/latest/querying.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Samples = Mapping[str, Sequence[tuple[Mapping[str, str], float]]]
"""By name, the labels and values of a scrape."""

AGGREGATIONS: Final[Mapping[str, Callable[[Iterable[float]], float]]] = {"max": max, "min": min, "sum": sum}
SELECTOR: Final = re.compile(r"(?P<name>[a-z_][a-z0-9_:]*)\{(?P<matchers>[^}]*)\}")
_MATCHER: Final = re.compile(r'\s*(?P<label>[a-z_]+)\s*(?P<operator>=|!=)\s*"(?P<value>[^"]*)"\s*')
_TOKEN: Final = re.compile(r"\s*([a-z_][a-z0-9_:]*\{[^}]*\}|[a-z_]+|[()/,-])")


class Unsupported(ValueError):
    """An expression outside the part of PromQL above."""


@dataclass
class _Parser:
    tokens: list[str]
    samples: Samples

    def expression(self) -> Vector:
        value = self.term()
        while self.tokens and self.tokens[0] in "/-":
            operator, right = self.tokens.pop(0), self.term()
            value = {
                labels: left / right[labels] if operator == "/" else left - right[labels]
                for labels, left in value.items()
                if labels in right and (operator == "-" or right[labels] != 0)
            }
        return value

    def term(self) -> Vector:
        word = self.take()
        if selector := SELECTOR.fullmatch(word):
            return self.selected(selector["name"], selector["matchers"])
        if word not in AGGREGATIONS:
            raise Unsupported(word)
        by: list[str] = []
        if self.tokens[0] == "by":
            self.take()
            by = self.parenthesized_labels()
        self.expect("(")
        inner = self.expression()
        self.expect(")")
        grouped: dict[Labels, list[float]] = {}
        for labels, value in inner.items():
            grouped.setdefault(frozenset(pair for pair in labels if pair[0] in by), []).append(value)
        return {labels: AGGREGATIONS[word](values) for labels, values in grouped.items()}

    def parenthesized_labels(self) -> list[str]:
        self.expect("(")
        labels = []
        while (token := self.take()) != ")":
            if token != ",":
                labels.append(token)
        return labels

    def selected(self, name: str, matchers: str) -> Vector:
        parsed = [_MATCHER.fullmatch(one) for one in matchers.split(",") if one.strip()]
        if None in parsed:
            raise Unsupported(matchers)
        found: Vector = {}
        for labels, value in self.samples.get(name, ()):
            if all(
                one is not None and (labels.get(one["label"], "") == one["value"]) == (one["operator"] == "=")
                for one in parsed
            ):
                found[frozenset(labels.items())] = value
        return found

    def take(self) -> str:
        if not self.tokens:
            raise Unsupported("the expression ends too early")
        return self.tokens.pop(0)

    def expect(self, token: str) -> None:
        if (found := self.take()) != token:
            raise Unsupported(f"{found} in place of {token}")


def evaluated(expression: str, samples: Samples) -> Vector:
    """The result of an expression; raises Unsupported."""
    tokens, at = [], 0
    while at < len(expression.rstrip()):
        token = _TOKEN.match(expression, at)
        if token is None:
            raise Unsupported(expression[at:])
        tokens.append(token[1])
        at = token.end()
    parser = _Parser(tokens, samples)
    value = parser.expression()
    if parser.tokens:
        raise Unsupported(" ".join(parser.tokens))
    return value
