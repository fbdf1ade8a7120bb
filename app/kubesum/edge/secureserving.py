"""How a server is protected: who may connect, who may ask what, and what keeps that up to date."""

import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from kubesum.edge.authn.authentication import Authenticator
from kubesum.edge.authn.configwatcher import KIND, AuthenticationConfigWatcher
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authz.authorization import Authorizer
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.delegation import DelegatedGate, Gate, OpenGate
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import Upstream
from kubesum.kube.reflector import reflect
from kubesum.kube.reviews import access_review, token_review

BackgroundTask = Callable[[], Coroutine[Any, Any, None]]
"""Keeps one thing up to date until it is cancelled."""


@dataclass(frozen=True, slots=True)
class SecureServing:
    """The protection of one server; `checks` tell by name whether each thing that is kept is there."""

    tls: ssl.SSLContext
    gate: Gate
    keepers: Mapping[str, BackgroundTask] = field(default_factory=dict)
    checks: Mapping[str, Callable[[], bool]] = field(default_factory=dict)

    def with_task(self, name: str, keeper: BackgroundTask, is_there: Callable[[], bool]) -> "SecureServing":
        """The same with one thing more that is kept."""
        return replace(self, keepers={**self.keepers, name: keeper}, checks={**self.checks, name: is_there})


def by_handshake(tls: ssl.SSLContext) -> SecureServing:
    """Whom the handshake lets through may do everything."""
    return SecureServing(tls, OpenGate())


def delegated(
    upstream: Upstream, tls: ServerTls, always_allowed: Sequence[str], now: Callable[[], float]
) -> SecureServing:
    """kube-apiserver says who asks and who may; `now` tells seconds since 1970."""
    trust = AuthenticationConfigWatcher(partial(reflect, upstream, KIND), tls)
    tokens = TokenAuthenticator(partial(token_review, upstream), ReviewCache())
    gate = DelegatedGate(
        Authenticator(lambda: trust.current, tokens.authenticate, now),
        Authorizer(partial(access_review, upstream), ReviewCache(), always_allowed),
    )
    return SecureServing(tls.context, gate).with_task("authentication-config", trust.run, lambda: trust.is_loaded)
