"""Every tag that code, tests or documents cite is defined in docs, and defined once.

A tag is `[W7]`, a rule of docs/wire-contract.md or docs/algorithms.md; `decisions 11`, a heading in docs/decisions;
or `Section 15, item 8`, a heading of the wire contract and an item of its checklist. In Python only comments and
docstrings are read, so that a type parameter such as `list[T1]` is no citation.
"""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
DECISIONS = DOCS / "decisions"
CONTRACT = DOCS / "wire-contract.md"
RULES = (CONTRACT, DOCS / "algorithms.md")
TEXTS = {".md", ".yaml", ".tpl", ".txt", ".json", ".toml"}

DEFINED_RULE = re.compile(r"^(?:- |#+ )\*\*\[([A-Z][0-9]+)\]", re.MULTILINE)
DEFINED_DECISION = re.compile(r"^## Decision ([0-9]+): ", re.MULTILINE)
DEFINED_SECTION = re.compile(r"^##+ ([0-9]+(?:\.[0-9]+)?)\.? ", re.MULTILINE)
CHECKLIST = re.compile(r"^## 15\. .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
DEFINED_ITEM = re.compile(r"^([0-9]+)\. ", re.MULTILINE)

CITED_TAGS = re.compile(r"(?<![\w)])\[([A-Z][0-9]+(?:(?:,| and) ?[A-Z][0-9]+)*)\]")
CITED_DECISIONS = re.compile(r"\b[Dd]ecisions? ([0-9]+(?:(?:, | and |, and )[0-9]+)*)")
CITED_SECTION = re.compile(r"\bSection ([0-9]+(?:\.[0-9]+)?)")
CITED_ITEMS = re.compile(r"\bSection 15, items? ([0-9]+(?:(?:, | and |, and )[0-9]+)*)")
NUMBER = re.compile(r"[0-9]+")
TAG = re.compile(r"[A-Z][0-9]+")


def prose(path: Path) -> str:
    """The text of a file; of Python only the comments and docstrings."""
    text = path.read_text()
    return "\n".join(commented(text)) if path.suffix == ".py" else text


def commented(source: str) -> Iterator[str]:
    """The comments and docstrings of Python; a string that is a statement documents what stands before it."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def sources() -> list[Path]:
    """The files in which tags may be cited."""
    found = [path for folder in ("app", "tests") for path in (ROOT / folder).rglob("*.py")]
    found += [path for folder in ("helm", "docs") for path in (ROOT / folder).rglob("*") if path.suffix in TEXTS]
    found += [*(ROOT / "helm").rglob("*.py"), *ROOT.glob("*.md")]
    return sorted(path for path in found if path != Path(__file__))


def cited(text: str) -> set[str]:
    """The tags that a text cites: `W7`, `decisions 11`, `Section 6.3`, `item 8`."""
    tags = {tag for group in CITED_TAGS.findall(text) for tag in TAG.findall(group)}
    tags |= {f"decisions {n}" for group in CITED_DECISIONS.findall(text) for n in NUMBER.findall(group)}
    tags |= {f"Section {n}" for n in CITED_SECTION.findall(text)}
    return tags | {f"item {n}" for group in CITED_ITEMS.findall(text) for n in NUMBER.findall(group)}


def definitions() -> Counter[str]:
    """How often each tag is defined."""
    found = Counter[str]()
    for page in RULES:
        found.update(DEFINED_RULE.findall(page.read_text()))
    for page in DECISIONS.glob("*.md"):
        found.update(f"decisions {number}" for number in DEFINED_DECISION.findall(page.read_text()))
    contract = CONTRACT.read_text()
    found.update(f"Section {number}" for number in DEFINED_SECTION.findall(contract))
    (checklist,) = CHECKLIST.findall(contract)
    found.update(f"item {number}" for number in DEFINED_ITEM.findall(checklist))
    return found


def undefined(citations: dict[str, set[str]]) -> list[str]:
    """The citations that lead nowhere, with their files."""
    known = definitions()
    return sorted(f"{where}: {tag}" for where, tags in citations.items() for tag in tags if tag not in known)


def test_every_cited_tag_is_defined() -> None:
    citations = {str(path.relative_to(ROOT)): cited(prose(path)) for path in sources()}

    assert undefined(citations) == []
    assert sum(len(tags) for where, tags in citations.items() if where.startswith("tests/")) > 100


def test_no_tag_is_defined_twice() -> None:
    assert [tag for tag, times in definitions().items() if times > 1] == []


def test_an_undefined_tag_is_found() -> None:
    text = "[W7] [Q99], [W5, W98] and [Q1 and W6]; decisions 11 and 99. Section 15, items 1 and 77. Section 6.9"

    assert undefined({"here": cited(text)}) == [
        "here: Q1",
        "here: Q99",
        "here: Section 6.9",
        "here: W98",
        "here: decisions 99",
        "here: item 77",
    ]


def test_only_comments_and_docstrings_cite_tags() -> None:
    source = 'def f(x: list[T1]) -> None:\n    """[W7][W5]"""\n    y = ["[Q1]", V3]  # [W8]\n    g(x)[Q2] = [Q3]\n'

    assert sorted(cited("\n".join(commented(source)))) == ["W5", "W7", "W8"]
    assert cited("`list[T1]`, a(b)[T2], and RFC 9110, section 13.1.2") == set()


def test_the_index_names_every_decision() -> None:
    index = (DECISIONS / "README.md").read_text()
    pages = sorted(path.name for path in DECISIONS.glob("0*.md"))

    assert re.findall(r"\]\((0.*\.md)\)", index) == pages
    for page in pages:
        numbers = [int(number) for number in DEFINED_DECISION.findall((DECISIONS / page).read_text())]
        assert numbers == [*range(int(page[:4]), int(page[:4]) + len(numbers))]
