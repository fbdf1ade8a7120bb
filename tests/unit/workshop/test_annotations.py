"""Annotations that mean the same on every Python."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_no_annotation_of_a_class_names_an_attribute_of_the_class() -> None:
    """Python 3.14 evaluates annotations after the class body (PEP 649), where the name is that of the attribute."""
    sources = [path for folder in ("app", "deploy") for path in (ROOT / folder).rglob("*.py")]
    classes = [
        (path, node)
        for path in sources
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ClassDef)
    ]

    assert classes
    assert [f"{path}: {node.name}: {name}" for path, node in classes for name in sorted(shadowed(node))] == []


def shadowed(node: ast.ClassDef) -> set[str]:
    """The names of attributes of a class that its annotations name."""
    named = {
        name.id for annotation in annotations(node) for name in ast.walk(annotation) if isinstance(name, ast.Name)
    }
    return named & set(attributes(node))


def attributes(node: ast.ClassDef) -> Iterator[str]:
    """The names that the body of a class binds."""
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def annotations(node: ast.ClassDef) -> Iterator[ast.expr]:
    """The annotations of the fields and methods of a class."""
    for statement in node.body:
        match statement:
            case ast.AnnAssign(annotation=annotation):
                yield annotation
            case ast.FunctionDef(args=args, returns=returns) | ast.AsyncFunctionDef(args=args, returns=returns):
                every = (*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg)
                yield from (one.annotation for one in every if one and one.annotation)
                if returns:
                    yield returns
