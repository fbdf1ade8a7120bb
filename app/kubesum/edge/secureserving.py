"""TLS, authentication and authorization of a server, and the tasks that keep them up to date."""

import ssl
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kubesum.edge.interfaces import Authenticator, Authorizer
from kubesum.edge.local import AlwaysAllowAuthorizer, LocalAuthenticator

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
