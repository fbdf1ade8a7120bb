"""Follows whom kube-apiserver trusts, and lets the listener and the authenticator know together.

A content that cannot be used, or that is gone, changes nothing: what was trusted before is trusted on, as for
k8s.io/apiserver/pkg/server/dynamiccertificates.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from kubesum.edge.authn.requestheader import CONFIG_MAP, EMPTY_CONFIG, RequestHeaderConfig, request_header_config
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.deltas import Deltas, SourceEvent, Synced, WatchedResource
from kubesum.kube.objects import ConfigMap
from kubesum.operations.metrics import AUTHENTICATION_CONFIG_ERRORS, AUTHENTICATION_CONFIG_LOADED
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

Data = Mapping[str, str]

KIND: Final[WatchedResource[Data]] = WatchedResource(
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


class AuthenticationConfigWatcher:
    """The trust of the moment."""

    def __init__(self, feed: Callable[[], AsyncIterator[SourceEvent[Data]]], tls: ServerTls) -> None:
        """`feed` tells of the ConfigMap, `tls` is to let those connect whom it trusts."""
        self._feed: Final = feed
        self._tls: Final = tls
        self.current: RequestHeaderConfig = EMPTY_CONFIG
        self.is_loaded = False
        self._taken: Data | None = None

    async def run(self) -> None:
        """Follows it until cancelled."""
        async for news in self._feed():
            match news:
                case Deltas(changes):
                    for key, data in changes:
                        if key == CONFIG_MAP:
                            self.take(data)
                case Synced() if not self.is_loaded:
                    log.warning("nobody can be told apart yet: the ConfigMap is missing", extra={"configmap": _NAME})

    def take(self, data: Data | None) -> None:
        """Trusts what the data say; None says that the ConfigMap is gone."""
        if data is None:
            log.warning("the ConfigMap is gone; what it said still counts", extra={"configmap": _NAME})
            return
        if data == self._taken:
            return
        try:
            trust = self._usable(data)
            self._tls.set_client_ca(trust.bundle)
        except (UpstreamError, ValueError) as error:
            AUTHENTICATION_CONFIG_ERRORS.inc()
            log.warning("the ConfigMap is of no use; what it said before still counts", extra={"reason": str(error)})
            return
        self.current, self.is_loaded, self._taken = trust, True, data
        AUTHENTICATION_CONFIG_LOADED.set(1)
        log.info("who is trusted is known", extra={"configmap": _NAME})
        for concern in _concerns(trust):
            log.warning(concern, extra={"configmap": _NAME})

    def _usable(self, data: Data) -> RequestHeaderConfig:
        trust = request_header_config(data)
        if self.is_loaded and not trust.bundle:
            # Emptied, as by a hand that meant to delete it: that takes nothing back, either.
            raise UpstreamError("it names no authority any more")
        return trust


def _concerns(trust: RequestHeaderConfig) -> tuple[str, ...]:
    """What an operator should know of a trust that works, but not as it should."""
    if not trust.front_proxies:
        return ("kube-apiserver has no requestheader-client-ca-file: whoever comes through it is anonymous",)
    if trust.is_spoofable:
        return ("the front proxy's authority is also the users', and no names are set: headers are not believed",)
    if not trust.allowed_names:
        return ("requestheader-allowed-names is empty: any certificate of that authority may name users",)
    return ()


_NAME: Final = "/".join(CONFIG_MAP)
