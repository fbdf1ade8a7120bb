"""The browser: which tables are open, one above the other, and the headline beside them.

Every action of a person is a method here; nothing knows a terminal. A table that is left for good takes its
watch with it, one that is only covered keeps it, so that going back shows the present at once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from kubesum.clients.model.informer import Feed
from kubesum.clients.model.objects import Cluster
from kubesum.clients.model.table import Table
from kubesum.clients.model.views import CLUSTER, Scope, View

Follow = Callable[[Feed], Callable[[], object]]
"""Begins to follow a feed; gives what ends that."""


class Asked(Enum):
    """What a person can be asked for; the value is the word before the answer."""

    FILTER = "filter"
    LABELS = "labels"
    NAMESPACE = "namespace"


@dataclass(slots=True)
class Question:
    """What a person is asked for, and the answer as far as it is typed."""

    asked: Asked
    answer: str


@dataclass(frozen=True, slots=True)
class Server:
    """What the cluster is called in the kubeconfig, and the URL of its API server."""

    context: str
    host: str


@dataclass(frozen=True, slots=True)
class _Opened:
    table: Table
    end: Callable[[], object]


class Browser:
    """What a person looks at, and how they got there."""

    def __init__(self, scope: Scope, server: Server, follow: Follow, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self.server: Final = server
        self.clock: Final = clock
        self.changed: Final = asyncio.Event()
        """Set when something may have to be drawn anew."""
        self.page_rows = 1
        """How many rows a screen has."""
        self.helps = False
        """Whether the help is shown."""
        self.question: Question | None = None
        """What the person is being asked for; keys are its answer until it is gone."""
        self.notice = ""
        """A sentence about the last key, until the next one."""
        self.is_over = False
        """Whether the person has seen enough."""
        self.headline: Final = Feed(CLUSTER, clock, self.changed)
        """The feed of the one object that tells of the whole cluster."""
        self._follow: Final = follow
        self._stack: Final[list[_Opened]] = []
        follow(self.headline)
        self._open(scope)

    @property
    def table(self) -> Table:
        """The table that is shown."""
        return self._stack[-1].table

    @property
    def scope(self) -> Scope:
        """What the table shows."""
        return self.table.feed.scope

    @property
    def trail(self) -> tuple[Scope, ...]:
        """The scopes from the first table to the one that is shown."""
        return tuple(opened.table.feed.scope for opened in self._stack)

    @property
    def cluster(self) -> Cluster | None:
        """What is known of the whole cluster."""
        return next(iter(self.headline.objects.values()), None)

    @property
    def suggestion(self) -> str:
        """A whole answer that begins as the one that is being typed, empty if none is known."""
        question = self.question
        if question is None or question.asked is not Asked.NAMESPACE or not question.answer:
            return ""
        tables = (opened.table for opened in self._stack)
        known = {namespace for table in tables for namespace, _ in table.feed.objects}
        return min((name for name in known if name.startswith(question.answer)), default="")

    def show(self, view: View) -> None:
        """Looks at another view of the same namespace and labels."""
        self._restart(replace(self.trail[0], view=view))

    def open(self) -> None:
        """Opens the row under the cursor."""
        row = self.table.selected
        scope = self.scope.opened(row) if row is not None else None
        if scope is None:
            self.notice = "there is nothing to open here"
        else:
            self._open(scope)

    def back(self) -> None:
        """Ends what is in the way: the question, the help, the filter, and then the table."""
        if self.question is not None:
            self.table.needle = "" if self.question.asked is Asked.FILTER else self.table.needle
            self.question = None
        elif self.helps:
            self.helps = False
        elif self.table.needle:
            self.table.needle = ""
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
        """Turns the order of the rows round."""
        self.table.reverse()

    def everywhere(self) -> None:
        """Looks at all namespaces."""
        self._restart(replace(self.trail[0], namespace=""))

    def help(self) -> None:
        """Opens or closes the help."""
        self.helps = not self.helps

    def quit(self) -> None:
        """Ends everything."""
        self.is_over = True

    def ask(self, asked: Asked) -> None:
        """Asks the person for something, beginning with how it is."""
        answers = {Asked.FILTER: self.table.needle, Asked.LABELS: self.scope.labels}
        self.question = Question(asked, answers.get(asked, self.scope.namespace))

    def type(self, text: str) -> None:
        """Adds typed or pasted text to the answer, without control characters."""
        if self.question is not None:
            self._edit(self.question, self.question.answer + "".join(filter(str.isprintable, text)))

    def erase(self) -> None:
        """Removes the last character of the answer."""
        if self.question is not None:
            self._edit(self.question, self.question.answer[:-1])

    def clear(self) -> None:
        """Removes the whole answer."""
        if self.question is not None:
            self._edit(self.question, "")

    def complete(self) -> None:
        """Replaces the answer by the suggestion, if there is one."""
        if self.question is not None:
            self._edit(self.question, self.suggestion or self.question.answer)

    def submit(self) -> None:
        """Ends the question and does what it was asked for."""
        question, self.question = self.question, None
        if question is None:
            return
        if question.asked is Asked.NAMESPACE:
            self._restart(replace(self.trail[0], namespace=question.answer.strip()))
        elif question.asked is Asked.LABELS:
            scope = replace(self.scope, labels=question.answer.strip())
            self._close()
            self._open(scope)

    def _edit(self, question: Question, answer: str) -> None:
        question.answer = answer
        # A filter applies while it is typed; the other answers open a new watch, once.
        if question.asked is Asked.FILTER:
            self.table.needle = answer

    def _restart(self, scope: Scope) -> None:
        self.helps = False
        while self._stack:
            self._close()
        self._open(scope)

    def _open(self, scope: Scope) -> None:
        feed = Feed(scope, self.clock, self.changed)
        self._stack.append(_Opened(Table(feed), self._follow(feed)))

    def _close(self) -> None:
        self._stack.pop().end()
