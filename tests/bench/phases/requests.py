"""What a get costs beside a bare ASGI application, and what its authentication and authorization cost."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from tests.bench.child import SERVER_CORE
from tests.bench.figures import Figure
from tests.bench.phases.sync import output


def measure(_options: object) -> Iterator[Figure]:
    """CPU time of requests."""
    gets, identity = _child("gets"), _child("identity")
    yield Figure("CPU of a get", 1e6 * gets["get_s"], "us", 250)
    yield Figure("CPU of a get from a bare ASGI application", 1e6 * gets["bare_s"], "us")
    yield Figure("CPU of a get / of a bare ASGI application", gets["get_s"] / gets["bare_s"], "", 1.5)
    yield Figure("cached authentication and authorization", 1e6 * identity["typical_s"], "us", 100)
    yield Figure("the same, for a user of 300 groups", 1e6 * identity["of_300_groups_s"], "us")


def _child(module: str) -> dict[str, Any]:
    line = output(sys.executable, "-m", f"tests.bench.{module}", "--core", str(SERVER_CORE))
    figures: dict[str, Any] = json.loads(line)
    return figures
