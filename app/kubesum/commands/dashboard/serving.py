"""Serves the page for one context of a kubeconfig, on loopback."""

from collections.abc import Callable
from pathlib import Path

from kubesum.clients.model.explanations import check_served
from kubesum.clients.page.application import application
from kubesum.clients.page.listener import serve
from kubesum.clients.page.session import Session
from kubesum.clients.page.viewsdocument import Cluster
from kubesum.kube.client import connect
from kubesum.kube.credentials import chosen_context, kubeconfig
from kubesum.server.sockets import LOOPBACK, listen


async def serve_dashboard(path: Path | None, context: str | None, port: int, announce: Callable[[str], None]) -> None:
    """Serves the page until cancelled; gives its address, with the one-time token, to `announce` once it listens.

    Raises KubesumError if kubesum's API is not served, or the port is taken.
    """
    chosen = chosen_context(path, context)
    async with await connect(kubeconfig(path, context)) as upstream:
        await check_served(upstream)
        with listen(port) as listener:
            taken = listener.getsockname()[1]
            session = Session(taken)
            cluster = Cluster(chosen.name, chosen.namespace, upstream.host)
            announce(f"http://{LOOPBACK}:{taken}/?token={session.token}")
            await serve(application(upstream, cluster, session, taken), listener)
