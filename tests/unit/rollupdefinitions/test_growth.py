"""Expressions whose values grow without end are refused before they are evaluated."""

from itertools import count

import pytest

from kubesum.rollupdefinitions import expressions
from kubesum.rollupdefinitions.expressions import Expressions, InvalidExpression, environment
from kubesum.rollupdefinitions.growth import MOST_GROWTH
from kubesum.rollupdefinitions.growth import growth as growth_of
from kubesum.rollupdefinitions.records import FieldType
from kubesum.semantics.facts import JoinedMember


def nested(levels: int) -> str:
    """Macros within macros, each of which is given twice what the one around it is given."""
    text = "size(v) >= 0"
    for level in range(levels):
        text = f"[{'v + v' if level < levels - 1 else 'pod.name'}].exists(v, {text})"
    return text


GROWING = {
    "a text that is doubled": "[pod.name]" + ".map(x, x + x)" * 26 + "[0] == ''",
    "a list that is doubled": "[dyn([pod.name])]" + ".map(x, dyn([x, x]))" * 20 + ".exists(x, x == x)",
    "macros within macros": nested(24),
    "lists that repeat what is around them": "[dyn([pod.name])]"
    + ".map(x, dyn([1, 1, 1].map(y, x)))" * 25
    + ".exists(x, x == x)",
    "a filter that doubles": "[pod.name]" + ".map(x, true, x + x)" * 20 + "[0] == ''",
    "spaces": "[pod.name]" + " . map ( x , x + x )" * 20 + "[0] == ''",
    "comments": "[pod.name]" + ".//'\nmap(x,x+x)//'\n" * 20 + "[0] == ''",
    "quotes in texts": "r'\"' != '' && [pod.name]" + ".map(x, x + x + '\\'')" * 20 + '[0] == "\'"',
    "raw texts that end with a backslash": "[pod.name]" + r".map(x, x + x + r'\\')" * 20 + "[0] == ''",
}
USUAL = {
    "pod.phase == 'Running'": 1,
    "pod.images.exists(i, i.startsWith('a') || i.contains('b'))": 2,
    "pod.images.exists(i, ['a', 'b'].exists(p, i.contains(p)))": 1,
    "pod.images.exists(i, i == '.map(x, x + x + x)' || i == \"i i i\") // i i i": 2,
    "pod.images.map(i, i.contains('a') ? i : '').filter(i, i != '').size() > 1": 2,
    "pod.images.map(i, pod.images.map(j, i + j)).size() == 1": 100,
}


@pytest.mark.parametrize("name", GROWING)
def test_an_expression_that_grows_without_end_is_refused(name: str) -> None:
    with pytest.raises(InvalidExpression, match="may repeat what they are given"):
        environment("Pods").compiled(GROWING[name], FieldType.BOOL)


@pytest.mark.parametrize("text", USUAL)
def test_usual_expressions_are_allowed(text: str) -> None:
    environment("Pods").compiled(text, FieldType.BOOL)

    assert growth_of(text) == USUAL[text] < MOST_GROWTH


def test_expressions_that_are_found_to_be_slow_are_evaluated_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """All members of a large cluster were, before the definition was refused."""
    ticks = count()
    monkeypatch.setattr(expressions, "perf_counter", lambda: next(ticks) / 64)
    of_pods = environment("Pods")
    slow = Expressions(of_pods, [of_pods.compiled("pod.name != ''", FieldType.BOOL)])

    for number in range(1_000):
        slow.results(JoinedMember(("shop", f"pod-{number}"), None, None, None))

    assert (slow.microseconds, slow.evaluations) == (15_625, 32)
