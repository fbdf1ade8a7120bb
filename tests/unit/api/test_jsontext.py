"""Indentation of JSON in slices."""

import json

import pytest

from kubesum.api.representations.jsontext import pretty_list
from kubesum.operations.pacer import Turns


def listed(number: int, name: str = "items") -> bytes:
    items = [{"n": n, "text": 'a "quoted"\n[line] {', "list": [], "map": {"x": [1, {}]}} for n in range(number)]
    return json.dumps({"kind": "List", "metadata": {"a": {"b": [1, 2]}}, name: items}).encode() + b"\n"


@pytest.mark.parametrize("number", [0, 1, 2, 199, 200, 201, 1000])
@pytest.mark.parametrize("name", ["items", "rows"])
async def test_slices_are_indented_like_the_whole(number: int, name: str) -> None:
    """[N3]"""
    content = listed(number, name)

    assert await pretty_list(content, Turns(1).pacer().pause) == json.dumps(json.loads(content), indent=2).encode()


async def test_a_long_list_does_not_block_the_event_loop() -> None:
    """A huge list in this form blocked all other requests."""
    pauses = 0

    async def pause() -> None:
        nonlocal pauses
        pauses += 1

    await pretty_list(listed(2000), pause)

    assert pauses >= 10
