"""Self-signed certificates, stored in a Secret and trusted by the APIService."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from kubesim.access import pki as pki_of_cluster
from kubesim.access.kubeconfig import service_kubeconfig
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.store.store import JsonObject, Store
from kubesum.commands.demo.manifests import API_SERVICE, SERVICE_HOST
from kubesum.commands.demo.simulation import INSTALLATION
from kubesum.edge.tls.certificates import write_private
from kubesum.edge.tls.selfsigned import ObjectNames, SelfSignedCertificate
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import kubeconfig
from kubesum.vocabulary.errors import UpstreamError
from tests.hanging import HANGS_AFTER_S

NAMES = ObjectNames("kubesum-system", "kubesum-tls", "kubesum", (API_SERVICE,))
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: the tests' clock is ahead of OpenSSL's by years."""
HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)


@dataclass
class Clock:
    """A clock that tests set."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> float:
        return self.at.timestamp()


@dataclass(frozen=True)
class Place:
    """A cluster with the APIService, the connection of kubesum to it, and a clock."""

    store: Store
    upstream: Upstream
    clock: Clock

    def replica(self) -> SelfSignedCertificate:
        """A new replica."""
        return SelfSignedCertificate(self.upstream, NAMES, self.clock)

    @property
    def secret(self) -> JsonObject:
        """The Secret."""
        stored = self.store.get("secrets", NAMES.namespace, NAMES.secret)
        assert stored is not None
        return stored.decoded()

    async def written_bundle(self) -> None:
        """Returns when the APIService has a `caBundle`."""
        while not self.bundle:
            await self.store.wait_for(self.store.version + 1)

    @property
    def bundle(self) -> bytes:
        """The `caBundle` of the APIService."""
        stored = self.store.get("apiservices", "", API_SERVICE)
        assert stored is not None
        return b64decode(stored.decoded()["spec"].get("caBundle", ""))


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    store = Store()
    pki = pki_of_cluster.create(tmp_path, INSTALLATION.service_account)
    server = ApiServer(store, pki, INSTALLATION, ServerOptions())
    metadata = {"name": API_SERVICE, "labels": {"kept": "yes"}}
    store.put("apiservices", {"metadata": metadata, "spec": {"version": "v1"}})
    config = tmp_path / "kubesum.kubeconfig"
    write_private(config, msgspec.json.encode(service_kubeconfig(server.url, pki)))
    running = asyncio.create_task(server.run())
    async with await connect(kubeconfig(config, None)) as upstream:
        yield Place(store, upstream, Clock())
    running.cancel()


def is_trusted(replica: SelfSignedCertificate, bundle: bytes) -> bool:
    """Whether the handshake of a client that trusts `bundle` succeeds, with the name that kube-apiserver verifies."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= NO_CHECK_TIME
    client.load_verify_locations(cadata=bundle.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = replica.tls.context.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=SERVICE_HOST)
    for _ in range(3):
        for end in (theirs, ours):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return theirs.getpeercert() is not None


async def test_an_empty_secret_is_filled_and_the_ca_bundle_written(place: Place) -> None:
    replica = place.replica()
    assert not replica.is_loaded

    await replica.reconcile()

    assert replica.is_loaded
    assert set(place.secret["data"]) == {"ca.crt", "ca.key", "tls.crt", "tls.key"}
    assert place.secret["type"] == "Opaque"
    assert is_trusted(replica, place.bundle)


async def test_labels_and_annotations_of_others_are_left_alone(place: Place) -> None:
    await place.replica().reconcile()

    service = place.store.get("apiservices", "", API_SERVICE)
    assert service is not None
    assert service.decoded()["metadata"]["labels"] == {"kept": "yes"}
    assert service.decoded()["spec"]["version"] == "v1"


async def test_replicas_that_start_together_use_one_certificate(place: Place) -> None:
    replicas = [place.replica() for _ in range(5)]

    await asyncio.gather(*(replica.reconcile() for replica in replicas))

    assert len({replica.tls.pair.certificate for replica in replicas}) == 1
    assert is_trusted(replicas[0], place.bundle)


async def test_nothing_is_written_when_no_step_is_due(place: Place) -> None:
    replica = place.replica()
    await replica.reconcile()
    version = place.store.version

    await replica.reconcile()
    await place.replica().reconcile()

    assert place.store.version == version


async def test_a_reset_ca_bundle_is_written_again(place: Place) -> None:
    replica = place.replica()
    await replica.reconcile()
    place.store.put("apiservices", {"metadata": {"name": API_SERVICE}, "spec": {"version": "v1"}})

    await replica.reconcile()

    assert is_trusted(replica, place.bundle)


async def test_an_apiservice_that_is_created_again_gets_its_ca_bundle(place: Place) -> None:
    """`kubectl delete` and `apply` of the APIService left it unserved for up to a minute."""
    replica = place.replica()
    await replica.restore()
    assert not place.bundle
    await replica.reconcile()
    written = place.bundle
    place.store.delete("apiservices", "", API_SERVICE)
    with pytest.raises(UpstreamError, match="not found"):
        await replica.restore()
    place.store.put("apiservices", {"metadata": {"name": API_SERVICE}, "spec": {"version": "v1"}})

    await replica.restore()

    assert place.bundle == written


async def test_only_a_missing_ca_bundle_is_restored(place: Place) -> None:
    """Another replica may have written a newer one."""
    replica = place.replica()
    await replica.reconcile()
    newer = {"metadata": {"name": API_SERVICE}, "spec": {"version": "v1", "caBundle": "bmV3ZXI="}}
    place.store.put("apiservices", newer)

    await replica.restore()

    assert place.bundle == b"newer"


async def test_a_running_replica_restores_a_ca_bundle_by_itself(place: Place) -> None:
    replica = place.replica()
    running = asyncio.create_task(replica.run())
    async with asyncio.timeout(HANGS_AFTER_S):
        await place.written_bundle()
        place.store.put("apiservices", {"metadata": {"name": API_SERVICE}, "spec": {"version": "v1"}})
        await place.written_bundle()
    running.cancel()

    assert is_trusted(replica, place.bundle)


async def test_a_serving_certificate_is_renewed_by_the_same_authority(place: Place) -> None:
    one, other = place.replica(), place.replica()
    await one.reconcile()
    await other.reconcile()
    bundle, first = place.bundle, one.tls.pair
    place.clock.at += YEAR * 2 / 3 + HOUR

    await one.reconcile()
    assert one.tls.pair != first
    assert other.tls.pair == first
    await other.reconcile()

    assert other.tls.pair == one.tls.pair
    assert place.bundle == bundle


async def test_an_authority_is_replaced_while_the_certificate_verifies(place: Place) -> None:
    """The new one is published before it issues, the old one until no replica uses its certificate."""
    ahead, running_server = place.replica(), place.replica()
    await ahead.reconcile()
    await running_server.reconcile()
    original = place.secret["data"]["ca.crt"]
    bundles = [place.bundle]
    steps = []

    place.clock.at += YEAR * 10 * 2 / 3 + HOUR
    for _ in range(8):
        # Both replicas reconcile in the same minute, one after the other, and the bundle verifies both.
        for replica in (ahead, running_server):
            await replica.reconcile()
            for trusting in (bundles[-1], place.bundle):
                assert {is_trusted(one, trusting) for one in (ahead, running_server)} == {True}
            bundles.append(place.bundle)
        steps.append(sorted(place.secret["data"]))
        place.clock.at += HOUR / 2

    assert place.secret["data"]["ca.crt"] != original
    assert [step for at, step in enumerate(steps) if step not in steps[:at]] == [
        ["ca.crt", "ca.key", "next-ca.crt", "next-ca.key", "tls.crt", "tls.key"],
        ["ca.crt", "ca.key", "previous-ca.crt", "tls.crt", "tls.key"],
        ["ca.crt", "ca.key", "tls.crt", "tls.key"],
    ]


async def test_without_the_secret_the_reason_is_logged_and_probes_are_answered(place: Place) -> None:
    place.store.delete("secrets", NAMES.namespace, NAMES.secret)
    replica = place.replica()

    with pytest.raises(UpstreamError, match='secrets "kubesum-tls" not found'):
        await replica.reconcile()

    assert not replica.is_loaded
    assert replica.tls.pair.certificate.startswith(b"-----BEGIN CERTIFICATE-----")


async def test_the_certificate_is_used_without_an_apiservice(place: Place) -> None:
    place.store.delete("apiservices", "", API_SERVICE)
    replica = place.replica()

    with pytest.raises(UpstreamError, match="not found"):
        await replica.reconcile()

    assert replica.is_loaded
    assert b64decode(place.secret["data"]["tls.crt"]) == replica.tls.pair.certificate


@pytest.mark.parametrize("content", [{"tls.crt": "bm9uc2Vuc2U="}, {"ca.crt": "!"}, {"ca.key": ""}])
async def test_an_invalid_secret_is_filled_again(place: Place, content: dict[str, str]) -> None:
    replica = place.replica()
    await replica.reconcile()
    spoiled = place.secret
    spoiled["data"] |= content
    place.store.put("secrets", spoiled)

    await replica.reconcile()

    assert is_trusted(replica, place.bundle)
    assert b64decode(place.secret["data"]["tls.crt"]) == replica.tls.pair.certificate


async def test_a_missing_api_service_keeps_no_other_from_its_ca_bundle(place: Place) -> None:
    """An older chart has one APIService, and rights for that one alone."""
    names = replace(NAMES, api_services=("v1alpha1.rollup.kubesum.dev", API_SERVICE))
    replica = SelfSignedCertificate(place.upstream, names, place.clock)

    with pytest.raises(UpstreamError, match=r"v1alpha1\.rollup\.kubesum\.dev"):
        await replica.reconcile()
    first = place.bundle
    place.store.put("apiservices", {"metadata": {"name": API_SERVICE}, "spec": {}})
    with pytest.raises(UpstreamError, match=r"v1alpha1\.rollup\.kubesum\.dev"):
        await replica.restore()

    assert is_trusted(replica, first)
    assert place.bundle == first
