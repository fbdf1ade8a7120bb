"""The page of all commands and their flags, in Markdown."""

import argparse
from collections.abc import Iterator

from kubesum.commands.parser import parser


def reference() -> str:
    """The page of all commands and their flags, in Markdown."""
    [commands] = [action for action in _actions(parser()) if isinstance(action, argparse._SubParsersAction)]
    return "\n".join(["# Commands and flags", *(_page(name, one) for name, one in commands.choices.items())])


def _page(name: str, command: argparse.ArgumentParser) -> str:
    rows = [row for action in _actions(command) for row in _row(action)]
    table = ["", "| flag | meaning |", "|---|---|", *rows]
    return "\n".join(["", f"## kubesum {name}", "", command.description or "", *table])


def _actions(command: argparse.ArgumentParser) -> list[argparse.Action]:
    # argparse has no public name for them.
    return command._actions


def _row(action: argparse.Action) -> Iterator[str]:
    if isinstance(action, argparse._HelpAction):
        return
    value = f" {action.metavar}" if isinstance(action.metavar, str) else ""
    names = ", ".join(f"`{name}{value}`" for name in action.option_strings) or f"`{action.metavar or action.dest}`"
    text = (action.help or "") % vars(action)
    choices = f" One of {', '.join(f'`{choice}`' for choice in action.choices)}." if action.choices else ""
    yield f"| {names} | {text[:1].upper()}{text[1:]}.{choices} |"
