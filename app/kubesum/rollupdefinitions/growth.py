"""How much a CEL expression can make of what it reads: judged by its text, before it is ever evaluated.

CEL has no loops but its macros, and the runtime bounds their iterations. It does not bound what one iteration makes:
`[pod.name].map(x, x + x).map(x, x + x)` doubles a text with each macro, and `[x, x]` what a comparison goes through.
Twenty-six of them fit into an expression that no machine has the memory for. So the product of how often the macros
repeat their variables is bounded here, which covers chains of macros as well as nested ones.
"""

import re
from collections.abc import Sequence
from typing import Final

MOST_GROWTH: Final = 1000
"""Usual expressions have less than ten: a macro that names its variable once does not grow anything."""
_OF_NESTED_MAP: Final = 100
"""For a `map` within a macro, which can repeat the outer variable as often as its list is long."""

_MACROS: Final = frozenset({"all", "exists", "exists_one", "filter", "map"})
_TOKEN: Final = re.compile(
    r"""//[^\n]*
    |[bB]?[rR](?:"{3}.*?"{3}|'{3}.*?'{3}|"[^"\n\r]*"|'[^'\n\r]*')
    |[bB]?(?:"{3}(?:\\.|[^\\])*?"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*')
    |(?P<token>[A-Za-z_][A-Za-z_0-9]*|\S)""",
    re.VERBOSE | re.DOTALL,
)
"""Comments and texts, in the grammar of the CEL specification, are no tokens: nobody can hide a macro in them."""


def growth(text: str) -> int:
    """The product over all macros of how often each repeats its variable; `text` is a valid expression."""
    tokens = _tokens(text)
    product = 1
    ends: list[int] = []  # of the macros that the present one is within
    for at, name in enumerate(tokens):
        if name not in _MACROS or tokens[at - 1] != "." or tokens[at + 1 : at + 2] != ["("]:
            continue
        end = _closing(tokens, at + 1)
        ends = [outer for outer in ends if outer > at]
        product *= max(1, tokens[at + 3 : end].count(tokens[at + 2]))
        if ends and name == "map":
            product *= _OF_NESTED_MAP
        ends.append(end)
    return product


def _tokens(text: str) -> list[str]:
    return [found["token"] for found in _TOKEN.finditer(text) if found["token"] is not None]


def _closing(tokens: Sequence[str], opening: int) -> int:
    """The position of the parenthesis that closes the one at `opening`."""
    depth = 0
    for at in range(opening, len(tokens)):
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        if not depth:
            return at
    return len(tokens)
