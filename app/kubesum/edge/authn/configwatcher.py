"""Watches the ConfigMap extension-apiserver-authentication, and applies it to the listener and the authenticator.

If the ConfigMap is deleted or its content cannot be used, the configuration stays as it is, as in
k8s.io/apiserver/pkg/server/dynamiccertificates.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from kubesum.edge.authn.requestheader import (
    CONFIG_MAP,
    EMPTY_CONFIG,
    RequestHeaderConfig,
    request_header_config,
)
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.deltas import Deltas, SourceEvent, Synced, WatchedResource
from kubesum.kube.objects.core import ConfigMap
from kubesum.operations.metrics import AUTHENTICATION_CONFIG_ERRORS, AUTHENTICATION_CONFIG_LOADED
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

Data = Mapping[str, str]

AUTHENTICATION_CONFIG: Final[WatchedResource[Data]] = WatchedResource(
    "configmaps",
    "",
    "v1",
    "ConfigMap",
    ConfigMap,
    lambda view: view.data,
    namespace=CONFIG_MAP[0],
    selectors={"fieldSelector": f"metadata.name={CONFIG_MAP[1]}"},
)
"""The one ConfigMap, which the Role extension-apiserver-authentication-reader allows to watch."""
_NAME: Final = "/".join(CONFIG_MAP)


class AuthenticationConfigWatcher:
    """The authentication configuration that is in effect, and the task that updates it."""

    def __init__(self, list_watch: Callable[[], AsyncIterator[SourceEvent[Data]]], tls: ServerTls) -> None:
        """`list_watch` lists and watches the ConfigMap; `tls` gets the authorities of client certificates."""
        self._list_watch: Final = list_watch
        self._tls: Final = tls
        self.current: RequestHeaderConfig = EMPTY_CONFIG
        self.is_loaded = False
        self._applied: Data | None = None

    async def run(self) -> None:
        """Watches the ConfigMap until cancelled."""
        async for event in self._list_watch():
            match event:
                case Deltas(changes):
                    for key, data in changes:
                        if key == CONFIG_MAP:
                            self.apply(data)
                case Synced() if not self.is_loaded:
                    log.warning(
                        "authentication configuration missing: front proxy and client certificates are not accepted",
                        extra={"configmap": _NAME},
                    )

    def apply(self, data: Data | None) -> None:
        """Puts the data of the ConfigMap into effect; None means that it was deleted."""
        if data is None:
            log.warning("ConfigMap deleted, keeping its last content", extra={"configmap": _NAME})
            return
        if data == self._applied:
            return
        try:
            config = self._parsed(data)
            self._tls.set_client_ca(config.bundle)
        except (UpstreamError, ValueError) as error:
            AUTHENTICATION_CONFIG_ERRORS.inc()
            log.warning(
                "ConfigMap rejected, keeping the current configuration",
                extra={"configmap": _NAME, "reason": str(error)},
            )
            return
        self.current, self.is_loaded, self._applied = config, True, data
        AUTHENTICATION_CONFIG_LOADED.set(1)
        log.info("loaded extension-apiserver-authentication", extra={"configmap": _NAME})
        for problem in _problems(config):
            log.warning(problem, extra={"configmap": _NAME})

    def _parsed(self, data: Data) -> RequestHeaderConfig:
        config = request_header_config(data)
        if self.is_loaded and not config.bundle:
            # Emptied by mistake, as likely as deleted by mistake: neither takes effect.
            raise UpstreamError("it contains no CA certificate any more")
        return config


def _problems(config: RequestHeaderConfig) -> tuple[str, ...]:
    """What an operator should correct in a configuration that is in effect nevertheless."""
    if not config.front_proxies:
        return ("no requestheader-client-ca-file: every user that comes through kube-apiserver is anonymous",)
    if config.is_spoofable:
        return (
            "identity headers are ignored: a CA is in both requestheader-client-ca-file and client-ca-file, "
            "and requestheader-allowed-names is empty",
        )
    if not config.allowed_names:
        return (
            "requestheader-allowed-names is empty: any certificate of requestheader-client-ca-file may set the user",
        )
    return ()
