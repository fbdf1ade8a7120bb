"""A view as plain text, for pipes and for people without a terminal: all columns, no colours, no marks."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from kubesum.clients.model.explanations import sentence
from kubesum.clients.model.informer import Feed
from kubesum.clients.model.table import Table
from kubesum.clients.terminal.lines import printable
from kubesum.kube.client import Upstream
from kubesum.kube.reflector import reflect
from kubesum.vocabulary.errors import UpstreamError

GAP: Final = "   "


async def listed(feed: Feed, upstream: Upstream) -> Table:
    """The table of a feed once it is whole; raises UpstreamError at the first trouble."""
    async with aclosing(reflect(upstream, feed.scope.kind)) as all_news:
        async for news in all_news:
            feed.take(news)
            if feed.trouble is not None:
                raise UpstreamError(sentence(feed.trouble, feed.scope, upstream.host)) from feed.trouble
            if feed.is_whole:
                break
    table = Table(feed)
    table.arrange()
    return table


def printed(table: Table, now: float) -> str:
    """The rows of a table under their headers."""
    header = [column.name for column in table.columns]
    rows = [[printable(column.cell(row, now).text) for column in table.columns] for row in table.rows]
    widths = [max(map(len, texts)) for texts in zip(header, *rows, strict=True)]
    return "".join(_line(texts, widths) for texts in (header, *rows))


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip() + "\n"
