"""TLS, authentication and authorization of a server, and the tasks that keep them up to date."""

import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from kubesum.edge.authn.authentication import DelegatingAuthenticator
from kubesum.edge.authn.configwatcher import AUTHENTICATION_CONFIG, AuthenticationConfigWatcher
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authz.authorization import DelegatingAuthorizer
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.interfaces import Authenticator, Authorizer
from kubesum.edge.local import AlwaysAllowAuthorizer, LocalAuthenticator
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import Upstream
from kubesum.kube.reflector import reflect
from kubesum.kube.reviews import access_review, token_review

BackgroundTask = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""


@dataclass(frozen=True, slots=True)
class SecureServing:
    """How one server is secured; `readiness_checks` become checks of /readyz, by name."""

    tls: ssl.SSLContext
    authenticator: Authenticator
    authorizer: Authorizer
    tasks: Mapping[str, BackgroundTask] = field(default_factory=dict)
    readiness_checks: Mapping[str, Callable[[], bool]] = field(default_factory=dict)

    def with_task(self, name: str, task: BackgroundTask, is_ready: Callable[[], bool]) -> "SecureServing":
        """The same with one more task, and a check of /readyz whether the task has what it needs."""
        return replace(
            self,
            tasks={**self.tasks, name: task},
            readiness_checks={**self.readiness_checks, name: is_ready},
        )


def local_serving(tls: ssl.SSLContext) -> SecureServing:
    """Everything is allowed to each client that passes the handshake of `tls`."""
    return SecureServing(tls, LocalAuthenticator(), AlwaysAllowAuthorizer())


def delegated_serving(
    upstream: Upstream, tls: ServerTls, always_allow_paths: Sequence[str], now: Callable[[], float]
) -> SecureServing:
    """Authentication and authorization as kube-apiserver decides them; `now` is in seconds since 1970."""
    watcher = AuthenticationConfigWatcher(partial(reflect, upstream, AUTHENTICATION_CONFIG), tls)
    tokens = TokenAuthenticator(partial(token_review, upstream), ReviewCache())
    return SecureServing(
        tls.context,
        DelegatingAuthenticator(lambda: watcher.current, tokens.authenticate, now),
        DelegatingAuthorizer(partial(access_review, upstream), ReviewCache(), always_allow_paths),
    ).with_task("authentication-config", watcher.run, lambda: watcher.is_loaded)
