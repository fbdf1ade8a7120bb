"""Keeps the serving certificate that kubesum issues to itself: in a Secret, on our listener, and trusted.

All replicas do the same, once a minute: read the Secret, take the step that is due if there is one (the first
writer wins, the others read again), show what it holds, and see that our APIServices trust it. So nobody needs
to lead, and whoever resets one of the three is put right.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from kubesum.edge.tls.issuing import IssuedCertificates, from_secret, issue, renewed, to_secret
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import Upstream
from kubesum.kube.decoding import decoded
from kubesum.kube.failures import StatusError
from kubesum.operations.metrics import CERTIFICATE_RELOADS
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
RETRY_S: Final = (0.5, 30.0)
"""After a failure: the first pause, doubled for each one after, and the longest."""
_DEADLINE_S: Final = 10.0
_CONFLICT: Final = 409
_RACES: Final = 10


@dataclass(frozen=True, slots=True)
class ObjectNames:
    """Where everything is: the Secret, the Service, and the APIServices that must trust it."""

    namespace: str
    secret: str
    service: str
    api_services: tuple[str, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which the Service is called; kube-apiserver verifies the third."""
        return (self.service, f"{self.service}.{self.namespace}", f"{self.service}.{self.namespace}.svc")


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _Secret(msgspec.Struct, frozen=True):
    metadata: _Metadata
    data: dict[str, str] | None = None


class _ApiServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    ca_bundle: str = ""


class _ApiService(msgspec.Struct, frozen=True):
    spec: _ApiServiceSpec = _ApiServiceSpec()


class SelfSignedCertificate:
    """The certificate of one replica, the same as that of the others."""

    def __init__(self, upstream: Upstream, names: ObjectNames, now: Callable[[], float]) -> None:
        """`now` tells seconds since 1970."""
        self._upstream: Final = upstream
        self._names: Final = names
        self._now: Final = now
        self._trouble = ""
        self.is_loaded = False
        """Whether what is shown has once been that of the Secret."""
        # Until the Secret can be read: probes are answered, since they verify nothing.
        self.tls: Final = ServerTls(issue(names.hosts, self._moment()).serving)

    async def run(self) -> None:
        """Keeps everything in order, until cancelled."""
        shortest, longest = RETRY_S
        pause_s = shortest
        while True:
            try:
                await self.reconcile()
            except UpstreamError as error:
                CERTIFICATE_RELOADS.labels("error").inc()
                self._tell(str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, longest)
                continue
            self._tell("")
            pause_s = shortest
            await asyncio.sleep(EVERY_S)

    async def reconcile(self) -> None:
        """Takes each step that is due; raises UpstreamError when one cannot be taken."""
        issued = await self._issued(trusted=b"")
        self._show(issued)
        for name in self._names.api_services:
            await self._trust(name, issued.bundle)
        if issued.next_authority.certificate:
            self._show(await self._issued(trusted=issued.bundle))

    async def _issued(self, trusted: bytes) -> IssuedCertificates:
        """What the Secret holds, after the step that is due."""
        for _ in range(_RACES):
            secret = await self._secret()
            held = _held(secret)
            wanted = renewed(held, self._names.hosts, trusted, self._moment())
            if wanted == held or await self._written(wanted, secret.metadata.resource_version):
                return wanted
        raise UpstreamError(f"the Secret {self._where} is changed by others all the time")

    async def _secret(self) -> _Secret:
        return decoded(await self._upstream.get(self._path, {}, _DEADLINE_S), _Secret, self._path)

    async def _written(self, issued: IssuedCertificates, version: str) -> bool:
        """Whether the Secret holds it now; False if another replica was faster."""
        data = {key: b64encode(value).decode() if value else None for key, value in to_secret(issued).items()}
        try:
            # A patch, since labels and annotations are others'; the version makes it fail where it comes late.
            await self._merge(self._path, {"metadata": {"resourceVersion": version}, "data": data})
        except StatusError as error:
            if error.code == _CONFLICT:
                return False
            raise
        log.info("certificates are issued", extra={"secret": self._where})
        return True

    def _show(self, issued: IssuedCertificates) -> None:
        if issued.serving == self.tls.pair:
            self.is_loaded = True
            return
        try:
            self.tls.show(issued.serving, self._now())
        except ValueError as error:
            raise UpstreamError(f"what the Secret {self._where} holds cannot be shown: {error}") from error
        self.is_loaded = True
        CERTIFICATE_RELOADS.labels("success").inc()
        log.info("another serving certificate is shown", extra={"secret": self._where})

    async def _trust(self, api_service: str, bundle: bytes) -> None:
        path = f"/apis/apiregistration.k8s.io/v1/apiservices/{api_service}"
        wanted = b64encode(bundle).decode()
        if decoded(await self._upstream.get(path, {}, _DEADLINE_S), _ApiService, path).spec.ca_bundle != wanted:
            await self._merge(path, {"spec": {"caBundle": wanted}})
            log.info("the APIService trusts our certificates", extra={"apiservice": api_service})

    async def _merge(self, path: str, patch: object) -> None:
        await self._upstream.merge(path, msgspec.json.encode(patch), _DEADLINE_S)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self._names.namespace}/secrets/{self._names.secret}"

    @property
    def _where(self) -> str:
        return f"{self._names.namespace}/{self._names.secret}"

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def _tell(self, trouble: str) -> None:
        """Logs a trouble when it begins, and when it is over."""
        if trouble and trouble != self._trouble:
            log.warning("certificates cannot be kept in order", extra={"reason": trouble})
        elif self._trouble and not trouble:
            log.info("certificates are in order again")
        self._trouble = trouble


def _held(secret: _Secret) -> IssuedCertificates:
    """What a Secret holds; nothing, if somebody wrote something else into it."""
    try:
        return from_secret({key: b64decode(value) for key, value in (secret.data or {}).items()})
    except ValueError:
        return IssuedCertificates()
