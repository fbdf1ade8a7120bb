"""The self-signed serving certificate: stored in a Secret, in use on the listener, trusted by the APIServices.

Every replica reconciles all three once a minute: it reads the Secret, takes the step of the renewal that is due
(the first writer wins, the others read again), uses the certificate in it, and writes the authorities into the
`caBundle` of the APIServices. No leader is elected, and a change of one of the three by others is undone.

An APIService that is deleted and created again comes without caBundle, and nothing is served until it has one. So
each is also read every two seconds; a watch would need a further right.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from kubesum.edge.tls.issuing import IssuedCertificates, from_secret, issue, renewed, to_secret
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import Upstream
from kubesum.kube.decoding import decoded
from kubesum.kube.statuserror import StatusError
from kubesum.operations.metrics import CERTIFICATE_RELOADS
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

RECONCILE_INTERVAL_S: Final = 60.0
RESTORE_INTERVAL_S: Final = 2.0
"""How often a caBundle is looked at that may be missing."""
BACKOFF_S: Final = (0.5, 30.0)
"""After a failure: the first pause, which doubles with each further failure, and the longest one."""
_DEADLINE_S: Final = 10.0
_CONFLICT: Final = 409
_MAX_CONFLICTS: Final = 10


@dataclass(frozen=True, slots=True)
class ObjectNames:
    """The Secret of the certificates, the Service that they are for, and the APIServices of that Service."""

    namespace: str
    secret: str
    service: str
    api_services: tuple[str, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The DNS names of the Service; kube-apiserver verifies the third."""
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
    """Reconciles the certificate of this replica, which all replicas share."""

    def __init__(self, upstream: Upstream, names: ObjectNames, now: Callable[[], float]) -> None:
        """`now` is in seconds since 1970."""
        self._upstream: Final = upstream
        self._names: Final = names
        self._now: Final = now
        self._failure = ""
        self._bundle = b""  # as last read from the Secret; empty before that
        self.is_loaded = False
        """Whether the certificate of the Secret is in use, or has been."""
        # In use until the Secret can be read; kubelets do not verify the certificate when they probe.
        self.tls: Final = ServerTls(issue(names.hosts, self._now_utc()).serving)

    async def run(self) -> None:
        """Reconciles until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reconcile_forever(), name="certificate reconciliation")
            tasks.create_task(self._restore_forever(), name="caBundle restoration")

    async def _restore_forever(self) -> None:
        while True:
            await asyncio.sleep(RESTORE_INTERVAL_S)
            try:
                await self.restore()
            except UpstreamError:
                # Its reconciliation fails as well, which is counted and logged.
                continue

    async def _reconcile_forever(self) -> None:
        shortest, longest = BACKOFF_S
        pause_s = shortest
        while True:
            try:
                await self.reconcile()
            except UpstreamError as error:
                CERTIFICATE_RELOADS.labels("error").inc()
                self._log_transition(str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, longest)
                continue
            self._log_transition("")
            pause_s = shortest
            await asyncio.sleep(RECONCILE_INTERVAL_S)

    async def reconcile(self) -> None:
        """Takes each step that is due; raises UpstreamError when one fails."""
        issued = await self._issued(trusted=b"")
        self._use(issued)
        self._bundle = issued.bundle
        await self._for_each_api_service(partial(self._set_ca_bundle, bundle=issued.bundle))
        if issued.next_authority.certificate:
            self._use(await self._issued(trusted=issued.bundle))

    async def restore(self) -> None:
        """Writes each caBundle that is missing; raises UpstreamError for an APIService that cannot be read.

        One that differs is left to the reconciliation: another replica may have read a newer Secret.
        """
        if self._bundle:
            await self._for_each_api_service(self._restore)

    async def _restore(self, api_service: str) -> None:
        if not await self._ca_bundle(api_service):
            await self._set_ca_bundle(api_service, self._bundle)

    async def _for_each_api_service(self, step: Callable[[str], Awaitable[None]]) -> None:
        """Takes a step for each; one that is missing, or not allowed, keeps no other from its own."""
        failures: list[UpstreamError] = []
        for name in self._names.api_services:
            try:
                await step(name)
            except UpstreamError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    async def _issued(self, trusted: bytes) -> IssuedCertificates:
        """The content of the Secret, after the step that is due."""
        for _ in range(_MAX_CONFLICTS):
            secret = await self._secret()
            stored = _parsed(secret)
            wanted = renewed(stored, self._names.hosts, trusted, self._now_utc())
            if wanted == stored or await self._written(wanted, secret.metadata.resource_version):
                return wanted
        raise UpstreamError(f"each update of the Secret {self._where} conflicts with one of another writer")

    async def _secret(self) -> _Secret:
        return decoded(await self._upstream.get(self._path, {}, _DEADLINE_S), _Secret, self._path)

    async def _written(self, issued: IssuedCertificates, version: str) -> bool:
        """Writes the Secret; False if another replica has written it since `version`."""
        data = {key: b64encode(value).decode() if value else None for key, value in to_secret(issued).items()}
        try:
            # A merge patch leaves labels and annotations alone; with resourceVersion it fails on a conflict.
            await self._merge(self._path, {"metadata": {"resourceVersion": version}, "data": data})
        except StatusError as error:
            if error.code == _CONFLICT:
                return False
            raise
        log.info("certificates issued", extra={"secret": self._where})
        return True

    def _use(self, issued: IssuedCertificates) -> None:
        if issued.serving == self.tls.pair:
            self.is_loaded = True
            return
        try:
            self.tls.set_certificate(issued.serving, self._now())
        except ValueError as error:
            raise UpstreamError(f"the certificate in the Secret {self._where} cannot be used: {error}") from error
        self.is_loaded = True
        CERTIFICATE_RELOADS.labels("success").inc()
        log.info("serving certificate replaced", extra={"secret": self._where})

    async def _ca_bundle(self, api_service: str) -> str:
        path = _path_of(api_service)
        return decoded(await self._upstream.get(path, {}, _DEADLINE_S), _ApiService, path).spec.ca_bundle

    async def _set_ca_bundle(self, api_service: str, bundle: bytes) -> None:
        wanted = b64encode(bundle).decode()
        if await self._ca_bundle(api_service) != wanted:
            await self._merge(_path_of(api_service), {"spec": {"caBundle": wanted}})
            log.info("caBundle of the APIService written", extra={"apiservice": api_service})

    async def _merge(self, path: str, patch: object) -> None:
        await self._upstream.merge(path, msgspec.json.encode(patch), _DEADLINE_S)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self._names.namespace}/secrets/{self._names.secret}"

    @property
    def _where(self) -> str:
        return f"{self._names.namespace}/{self._names.secret}"

    def _now_utc(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def _log_transition(self, failure: str) -> None:
        """Logs a failure when it is another one than before, and its end; `failure` is empty after a success."""
        if failure and failure != self._failure:
            log.warning("certificates cannot be reconciled", extra={"reason": failure})
        elif self._failure and not failure:
            log.info("certificates reconciled again")
        self._failure = failure


def _path_of(api_service: str) -> str:
    return f"/apis/apiregistration.k8s.io/v1/apiservices/{api_service}"


def _parsed(secret: _Secret) -> IssuedCertificates:
    """The certificates in a Secret; none if its data are something else."""
    try:
        return from_secret({key: b64decode(value) for key, value in (secret.data or {}).items()})
    except ValueError:
        return IssuedCertificates()
