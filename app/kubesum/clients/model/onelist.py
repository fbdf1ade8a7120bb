"""A table after one list, for views that are not live."""

from contextlib import aclosing

from kubesum.clients.model.explanations import explanation
from kubesum.clients.model.informer import Informer
from kubesum.clients.model.table import Table
from kubesum.kube.client import Upstream
from kubesum.kube.reflector import reflect
from kubesum.vocabulary.errors import UpstreamError


async def list_once(informer: Informer, upstream: Upstream) -> Table:
    """The table of an informer once it has synced; raises UpstreamError at the first error."""
    async with aclosing(reflect(upstream, informer.scope.watched)) as events:
        async for event in events:
            informer.apply(event)
            if informer.error is not None:
                raise UpstreamError(explanation(informer.error, informer.scope, upstream.host)) from informer.error
            if informer.has_synced:
                break
    table = Table(informer)
    table.arrange()
    return table
