"""The composition root: builds every part in order and runs them as one group of tasks.

The only module that knows every layer. Whatever a task raises ends the group and with it the process: a cache
that nobody feeds must not go on being served as if it were fresh.
"""

import asyncio
import ctypes
import secrets
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from app.cache.cache import Cache
from app.cache.informer import Informer
from app.kube.news import News
from app.resources import RESOURCES
from app.rollups.clock import TAGS, VersionClock
from app.rollups.engine import Engine
from app.rollups.publisher import publish_forever, publish_once
from app.vocabulary.errors import KubesumError, UsageError
from app.vocabulary.resource import Source
from app.web.app import create_app

LOOPBACK: Final = "127.0.0.1"
PODS_WAIT_S: Final = 5.0
"""Pods are listed after the kinds that say where they belong, but no later than this."""

REFUSAL_COUNTS_S: Final = 60.0
"""A kind that is refused for so long no longer keeps the server from being ready for the others."""
FRESHNESS_CHECK_S: Final = 5.0

Feed = Callable[[], AsyncIterator[News[Any]]]
"""Begins to read one watched kind."""


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process stops as a whole, and here is who decides."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening: Final = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the process."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to accept connections."""
        await super().startup(sockets)
        self.listening.set()


class Kubesum:
    """One running kubesum: the feeds, the cache, the computation and the server."""

    def __init__(self, feeds: Mapping[str, Feed], tls: ssl.SSLContext) -> None:
        """`feeds` are the watched kinds by plural; `tls` says who may connect."""
        self._feeds = feeds
        clock = VersionClock(lambda: time.time_ns() // 1000, 1 + secrets.randbelow(TAGS - 1))
        self.cache: Final = Cache(time.time)
        self.engine: Final = Engine(clock, time.time, self.cache.contents, self.cache.unavailable)
        self.cache.subscribe(self.engine.change)
        self.engine.add(RESOURCES)
        self.ready: Final = asyncio.Event()
        app = create_app(lambda: self.engine.catalogue, self.readiness, self.has_namespace, time.time)
        self._server = Server(server_config(app, tls))

    def readiness(self) -> Mapping[str, bool]:
        """The named checks of /readyz."""
        synced = all(self._has_said_its_last(informer) for informer in self.cache.informers.values())
        return {"informer-sync": synced, "first-rows": self.ready.is_set()}

    def _has_said_its_last(self, informer: Informer) -> bool:
        # Rights are often granted in the minute in which kubesum starts.
        refused_since = informer.refused_since
        return informer.synced or (refused_since is not None and time.time() - refused_since > REFUSAL_COUNTS_S)

    def has_namespace(self, name: str) -> bool:
        """Whether a namespace of this name is known."""
        return ("", name) in self.cache.contents(Source.NAMESPACES)

    async def run(self, listener: socket.socket) -> None:
        """Serves until cancelled; raises what any part raises."""
        async with asyncio.TaskGroup() as tasks:
            for kind in self._feeds:
                tasks.create_task(self._follow(kind), name=f"informer {kind}")
            tasks.create_task(self._check_freshness(), name="freshness")
            tasks.create_task(self._compute(), name="publisher")
            tasks.create_task(self._server.serve([listener]), name="server")

    async def _follow(self, kind: str) -> None:
        if kind == "pods":
            await self._others_settled()
        async for news in self._feeds[kind]():
            self.cache.apply(kind, news)
        self.cache.end(kind)

    async def _check_freshness(self) -> None:
        while True:
            await asyncio.sleep(FRESHNESS_CHECK_S)
            self.cache.check_freshness()

    async def _others_settled(self) -> None:
        # A pod that comes after its owners and nodes is computed once; the other way round twice.
        try:
            async with asyncio.timeout(PODS_WAIT_S):
                for kind, informer in self.cache.informers.items():
                    if kind != "pods":
                        await informer.settled.wait()
        except TimeoutError:
            return

    async def _compute(self) -> None:
        await self.cache.settled()
        await publish_once(self.engine)
        give_back_memory()
        await self._server.listening.wait()
        self.ready.set()
        await publish_forever(self.engine, time.time)


def give_back_memory() -> None:
    """Returns to the system what the C library keeps of freed memory, where it can be asked to (glibc).

    The buffers of the initial lists leave it with megabytes that it would hold for the life of the process.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def server_config(app: Any, tls: ssl.SSLContext) -> uvicorn.Config:
    """uvicorn as kubesum needs it: nothing of a front proxy is believed, nothing is logged twice."""
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # kube-apiserver keeps idle connections for 90 s; ours must not be the end that closes first.
        timeout_keep_alive=120,
    )
    config.load()
    config.ssl = tls
    return config


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes any free one. Raises UsageError if the port is taken."""
    # The protocol must be named: asyncio sets TCP_NODELAY only on sockets that say they are TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}; choose another --port") from error
    listener.listen(2048)
    return listener


async def until_stopped(main: Coroutine[Any, Any, None]) -> None:
    """Runs `main` until it ends or SIGINT or SIGTERM arrives, which ends it at once and is no error.

    An error that a person can act on is raised as itself, also out of a group of tasks.
    """
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        stopped.set()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
    except BaseExceptionGroup as group:
        raise actionable(group) or group from None


def actionable(group: BaseExceptionGroup[BaseException]) -> KubesumError | None:
    """The error in a group that a person can act on, None if something else went wrong."""
    known, unknown = group.split(KubesumError)
    if known is None or unknown is not None:
        return None
    error: BaseException = known
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, KubesumError) else None
