"""docs/reliability.md names tests that exist, and all of those of faults."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reliability.md"
FAULTS = (*sorted(ROOT.glob("tests/faults/test_*.py")), ROOT / "tests/cluster/test_api_server_restarts.py")

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def names_in(module: str) -> set[str]:
    """The tests of a module, none if there is no such file."""
    path = ROOT / module
    tree = ast.parse(path.read_text() if path.exists() else "")
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}


def rows(page: str) -> list[str]:
    """The rows of its tables, without their heads."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    return [line for line in lines if not line.startswith(("|---", "| fault |"))]


def unknown(page: str) -> list[str]:
    """The tests that a page names and that do not exist."""
    return [f"{module}::{test}" for module, test in NAMED.findall(page) if test not in names_in(module)]


def test_every_fault_has_a_test_that_exists() -> None:
    page = PAGE.read_text()

    assert unknown(page) == []
    assert [row for row in rows(page) if not NAMED.search(row)] == []
    assert len(rows(page)) > 30


def test_no_test_of_faults_is_left_out() -> None:
    modules = [str(path.relative_to(ROOT)) for path in FAULTS]
    tests = {(module, test) for module in modules for test in names_in(module)}

    assert len(tests) > 40
    assert tests - set(NAMED.findall(PAGE.read_text())) == set()


def test_a_test_that_is_gone_is_found() -> None:
    here = "tests/unit/docs/test_reliability.py"

    assert unknown(f"| `{here}::test_a_test_that_is_gone_is_found`, `{here}::test_x` | `tests/x.py::test_y` |") == [
        f"{here}::test_x",
        "tests/x.py::test_y",
    ]
