"""The security of a server whose users kube-apiserver authenticates and authorizes."""

import time
from collections.abc import Sequence
from functools import partial

from kubesum.edge.authn.authentication import DelegatingAuthenticator
from kubesum.edge.authn.configwatcher import AUTHENTICATION_CONFIG, AuthenticationConfigWatcher
from kubesum.edge.authn.tokens import MAX_WAITING, TokenAuthenticator
from kubesum.edge.authz.authorization import DelegatingAuthorizer
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.secureserving import SecureServing
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import Upstream
from kubesum.kube.reflector import reflect
from kubesum.kube.reviews import access_review, token_review
from kubesum.kube.serverhistory import ServerHistory


def delegated_serving(
    upstream: Upstream,
    history: ServerHistory,
    tls: ServerTls,
    always_allow_paths: Sequence[str],
    max_waiting: int = MAX_WAITING,
) -> SecureServing:
    """Authentication and authorization as kube-apiserver decides them.

    At most `max_waiting` requests wait until kube-apiserver says whose token they carry.
    """
    watcher = AuthenticationConfigWatcher(partial(reflect, upstream, AUTHENTICATION_CONFIG, history=history), tls)
    tokens = TokenAuthenticator(partial(token_review, upstream), ReviewCache(), max_waiting)
    return SecureServing(
        tls.context,
        DelegatingAuthenticator(lambda: watcher.current, tokens.authenticate, time.time),
        DelegatingAuthorizer(
            partial(access_review, upstream), ReviewCache(), always_allow_paths, lambda: upstream.has_answered
        ),
    ).with_task("authentication-config", watcher.run, lambda: watcher.is_loaded)
