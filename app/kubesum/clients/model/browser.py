"""The browser: a stack of open tables, the summary of the cluster, and an open prompt.

Each action of the user is a method. A table that is closed ends its watch; one that another table covers keeps it,
so that going back shows current data at once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from kubesum.clients.model.informer import Informer
from kubesum.clients.model.objects import Cluster
from kubesum.clients.model.table import Table
from kubesum.clients.model.views import CLUSTER, Scope, View

StartInformer = Callable[[Informer], Callable[[], object]]
"""Starts an informer; returns what stops it."""


class PromptKind(Enum):
    """What a prompt asks for; the value is its label."""

    FILTER = "filter"
    LABELS = "labels"
    NAMESPACE = "namespace"


@dataclass(slots=True)
class Prompt:
    """An open prompt, and the text typed so far."""

    kind: PromptKind
    text: str


@dataclass(frozen=True, slots=True)
class Connection:
    """The context of the kubeconfig, and the URL of its API server."""

    context: str
    host: str


@dataclass(frozen=True, slots=True)
class _Level:
    table: Table
    stop: Callable[[], object]


class Browser:
    """What the user looks at; `changed` is set when it must be drawn again."""

    def __init__(
        self, scope: Scope, connection: Connection, start_informer: StartInformer, clock: Callable[[], float]
    ) -> None:
        """`clock` gives seconds since 1970."""
        self.connection: Final = connection
        self.clock: Final = clock
        self.changed: Final = asyncio.Event()
        self.page_rows = 1
        """How many rows of a table the view shows, which it sets; a page is as long."""
        self.help_shown = False
        self.prompt: Prompt | None = None
        """The open prompt, None if there is none."""
        self.notice = ""
        """A message about the last action, empty after the next one."""
        self.has_quit = False
        self.headline: Final = Informer(CLUSTER, clock, self.changed)
        """The informer of the ClusterSummary."""
        self._start_informer: Final = start_informer
        self._stack: Final[list[_Level]] = []
        start_informer(self.headline)
        self._open(scope)

    @property
    def table(self) -> Table:
        """The table on top of the stack."""
        return self._stack[-1].table

    @property
    def scope(self) -> Scope:
        """The scope of the table on top of the stack."""
        return self.table.informer.scope

    @property
    def breadcrumbs(self) -> tuple[Scope, ...]:
        """The scopes of all open tables, the first one first."""
        return tuple(level.table.informer.scope for level in self._stack)

    @property
    def cluster(self) -> Cluster | None:
        """The ClusterSummary, None until it is listed."""
        return next(iter(self.headline.objects.values()), None)

    @property
    def suggestion(self) -> str:
        """A namespace among the shown rows that begins with the typed text; empty if there is none."""
        prompt = self.prompt
        if prompt is None or prompt.kind is not PromptKind.NAMESPACE or not prompt.text:
            return ""
        tables = (level.table for level in self._stack)
        namespaces = {namespace for table in tables for namespace, _ in table.informer.objects}
        return min((name for name in namespaces if name.startswith(prompt.text)), default="")

    def show(self, view: View) -> None:
        """Replaces all tables by one of another view, with the same namespace and label selector."""
        self._reset(replace(self.breadcrumbs[0], view=view))

    def open(self) -> None:
        """Opens a table of what the row under the cursor consists of."""
        row = self.table.selected
        scope = self.scope.drill_down(row) if row is not None else None
        if scope is None:
            self.notice = "there is nothing to open here"
        else:
            self._open(scope)

    def back(self) -> None:
        """Closes the first of these that is open: the prompt, the help, the filter, the table on top of another."""
        if self.prompt is not None:
            self.table.filter = "" if self.prompt.kind is PromptKind.FILTER else self.table.filter
            self.prompt = None
        elif self.help_shown:
            self.help_shown = False
        elif self.table.filter:
            self.table.filter = ""
        elif len(self._stack) > 1:
            self._close()

    def move(self, rows: int) -> None:
        """Moves the cursor down, or up for a negative number."""
        self.table.move(rows)

    def page(self, screens: int) -> None:
        """Moves the cursor by whole screens."""
        self.table.move(screens * self.page_rows)

    def first(self) -> None:
        """Moves the cursor to the first row."""
        self.table.move(-len(self.table.rows))

    def last(self) -> None:
        """Moves the cursor to the last row."""
        self.table.move(len(self.table.rows))

    def sort(self, step: int) -> None:
        """Sorts by the column `step` places to the right."""
        self.table.sort_by_next(step)

    def reverse(self) -> None:
        """Reverses the order of the rows."""
        self.table.reverse()

    def show_all_namespaces(self) -> None:
        """Replaces all tables by the first one's, over all namespaces."""
        self._reset(replace(self.breadcrumbs[0], namespace=""))

    def help(self) -> None:
        """Opens or closes the help."""
        self.help_shown = not self.help_shown

    def quit(self) -> None:
        """Asks the view to end."""
        self.has_quit = True

    def ask(self, kind: PromptKind) -> None:
        """Opens a prompt with the current value."""
        values = {PromptKind.FILTER: self.table.filter, PromptKind.LABELS: self.scope.label_selector}
        self.prompt = Prompt(kind, values.get(kind, self.scope.namespace))

    def type(self, text: str) -> None:
        """Adds typed or pasted text to the prompt, without control characters."""
        if self.prompt is not None:
            self._set_text(self.prompt, self.prompt.text + "".join(filter(str.isprintable, text)))

    def erase(self) -> None:
        """Removes the last character of the prompt."""
        if self.prompt is not None:
            self._set_text(self.prompt, self.prompt.text[:-1])

    def clear(self) -> None:
        """Removes the text of the prompt."""
        if self.prompt is not None:
            self._set_text(self.prompt, "")

    def complete(self) -> None:
        """Replaces the text of the prompt by the suggestion, if there is one."""
        if self.prompt is not None:
            self._set_text(self.prompt, self.suggestion or self.prompt.text)

    def submit(self) -> None:
        """Closes the prompt and applies its text."""
        prompt, self.prompt = self.prompt, None
        if prompt is None:
            return
        if prompt.kind is PromptKind.NAMESPACE:
            self._reset(replace(self.breadcrumbs[0], namespace=prompt.text.strip()))
        elif prompt.kind is PromptKind.LABELS:
            scope = replace(self.scope, label_selector=prompt.text.strip())
            self._close()
            self._open(scope)

    def _set_text(self, prompt: Prompt, text: str) -> None:
        prompt.text = text
        # A filter applies while it is typed; a namespace or selector opens a new watch, so only when submitted.
        if prompt.kind is PromptKind.FILTER:
            self.table.filter = text

    def _reset(self, scope: Scope) -> None:
        self.help_shown = False
        while self._stack:
            self._close()
        self._open(scope)

    def _open(self, scope: Scope) -> None:
        informer = Informer(scope, self.clock, self.changed)
        self._stack.append(_Level(Table(informer), self._start_informer(informer)))

    def _close(self) -> None:
        self._stack.pop().stop()
