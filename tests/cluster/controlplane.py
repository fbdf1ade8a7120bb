"""A real control plane without nodes: etcd and kube-apiserver on loopback, for as long as a test needs them.

There is no scheduler, no controller and no kubelet: tests play them. Two admission plugins are off, which would
ask for service accounts and runtime classes that nobody makes here.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from tests.computation import JsonObject

BINARIES = "KUBEBUILDER_ASSETS"
HOW_TO = f"set {BINARIES} to a folder that holds etcd and kube-apiserver to run these tests against a real server"

_HOST = "127.0.0.1"
_LONGEST_START_S = 90
_LONGEST_STOP_S = 10


@dataclass(frozen=True)
class Answer:
    """An answer of the API server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> JsonObject:
        """The body, decoded."""
        decoded: JsonObject = json.loads(self.body)
        return decoded


class Refused(AssertionError):
    """The API server did not do what a test needs."""


class Client:
    """One connection to an API server, as its administrator."""

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        self._connection: HTTPConnection = HTTPSConnection(_HOST, port, context=tls, timeout=30)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def send(
        self, method: str, path: str, body: JsonObject | None = None, accept: str = "application/json"
    ) -> Answer:
        """One request, whatever the answer; raises OSError or HTTPException if there is none."""
        headers = {"Accept": accept, "Content-Type": "application/json"}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())

    def get(self, path: str, accept: str = "application/json") -> JsonObject:
        """What is at a path; raises Refused."""
        return self._done(self.send("GET", path, accept=accept), "GET", path)

    def create(self, collection: str, obj: JsonObject) -> JsonObject:
        """Creates an object, and returns it as the server keeps it; raises Refused."""
        return self._done(self.send("POST", collection, obj), "POST", f"{collection}/{obj['metadata']['name']}")

    def update(self, path: str, obj: JsonObject) -> JsonObject:
        """Replaces an object or a subresource of it; raises Refused."""
        return self._done(self.send("PUT", path, obj), "PUT", path)

    def delete(self, path: str) -> JsonObject:
        """Deletes an object, which may take its time; raises Refused."""
        return self._done(self.send("DELETE", path), "DELETE", path)

    def _done(self, answer: Answer, method: str, path: str) -> JsonObject:
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {answer.body.decode()}")
        return answer.json()


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane; `authority` issues what its users show, and `ca` is the file of it."""

    kubeconfig: Path
    port: int
    tls: ssl.SSLContext
    authority: KeyPair
    ca: Path
    directory: Path

    def kubeconfig_of(self, user: str, *groups: str) -> Path:
        """A kubeconfig of some user."""
        path = self.directory / f"{user}.kubeconfig"
        pair = certificates.client(self.authority, user, groups)
        certificates.write_private(path, json.dumps(_kubeconfig(self.port, self.authority, pair)).encode())
        return path

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A connection to it."""
        client = Client(self.port, self.tls)
        try:
            yield client
        finally:
            client.close()


def binaries() -> Path | None:
    """The folder of etcd and kube-apiserver, None if nobody named one."""
    folder = os.environ.get(BINARIES)
    return Path(folder) if folder else None


class Processes:
    """etcd and kube-apiserver of one control plane, which can be killed and started again."""

    def __init__(self, plane: ControlPlane, etcd: Sequence[str], apiserver: Sequence[str]) -> None:
        self.plane = plane
        self._commands = {"etcd": etcd, "kube-apiserver": apiserver}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Starts what does not run, and returns once kube-apiserver is ready; raises Refused."""
        for name, command in self._commands.items():
            if name not in self._running:
                with (self.plane.directory / f"{name}.log").open("ab") as output:
                    self._running[name] = subprocess.Popen(command, stdout=output, stderr=output)
        log = self.plane.directory / "kube-apiserver.log"
        _await_ready(self.plane, self._running["kube-apiserver"], log)

    def kill(self, *names: str) -> None:
        """Kills `etcd` or `kube-apiserver`, or both."""
        for name in names:
            process = self._running.pop(name)
            process.kill()
            process.wait()

    def forget(self) -> None:
        """Kills both, and removes all that etcd kept."""
        self.kill("kube-apiserver", "etcd")
        shutil.rmtree(self.plane.directory / "etcd")

    def stop(self) -> None:
        """Stops what runs."""
        for name in reversed(list(self._running)):
            process = self._running.pop(name)
            _stop(process)
            process.wait()


@contextmanager
def control_plane(assets: Path, directory: Path) -> Iterator[ControlPlane]:
    """Starts etcd and kube-apiserver, which keep all they write in `directory`, and stops them at the end."""
    with processes(assets, directory) as started:
        yield started.plane


@contextmanager
def processes(assets: Path, directory: Path) -> Iterator[Processes]:
    """The same, with the processes."""
    etcd_port, peer_port, port = _free_ports(3)
    authority = certificates.authority("kubernetes-ca")
    admin = certificates.client(authority, "kubernetes-admin", ["system:masters"])
    kubeconfig = directory / "admin.kubeconfig"
    certificates.write_private(kubeconfig, json.dumps(_kubeconfig(port, authority, admin)).encode())
    tls = _tls(authority, admin, directory)
    plane = ControlPlane(kubeconfig, port, tls, authority, directory / "ca.crt", directory)
    etcd = _etcd(assets, directory, etcd_port, peer_port)
    running = Processes(plane, etcd, _apiserver(assets, directory, authority, etcd_port, port))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def _etcd(assets: Path, directory: Path, port: int, peer_port: int) -> Sequence[str]:
    clients, peers = f"http://{_HOST}:{port}", f"http://{_HOST}:{peer_port}"
    return [
        _program(assets, "etcd"),
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        # Nobody misses these data after a crash.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver(assets: Path, directory: Path, authority: KeyPair, etcd_port: int, port: int) -> Sequence[str]:
    ca, _ = authority.write(directory, "ca")
    serving = certificates.serving(authority, [_HOST, "localhost", "kubernetes.default.svc"])
    certificate, key = serving.write(directory, "apiserver")
    return [
        _program(assets, "kube-apiserver"),
        *_aggregator(directory),
        f"--etcd-servers=http://{_HOST}:{etcd_port}",
        f"--bind-address={_HOST}",
        f"--advertise-address={_HOST}",
        f"--secure-port={port}",
        "--endpoint-reconciler-type=none",
        # Addresses of loopback, which a process can listen on in place of a Service's pods.
        "--service-cluster-ip-range=127.96.0.0/16",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount,RuntimeClass,DefaultTolerationSeconds",
        "--allow-privileged=true",
        f"--cert-dir={directory}",
        f"--client-ca-file={ca}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={certificate}",
        f"--service-account-signing-key-file={key}",
    ]


def _aggregator(directory: Path) -> Sequence[str]:
    """What lets extension servers know whom it speaks for: an authority of its own, and a certificate of that."""
    authority = certificates.authority("front-proxy-ca")
    ca, _ = authority.write(directory, "front-proxy-ca")
    certificate, key = certificates.client(authority, "front-proxy-client").write(directory, "front-proxy-client")
    return [
        f"--requestheader-client-ca-file={ca}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-uid-headers=X-Remote-Uid",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={certificate}",
        f"--proxy-client-key-file={key}",
    ]


@contextmanager
def controllers(assets: Path, plane: ControlPlane) -> Iterator[None]:
    """Runs the controllers that add roles up, and delete what belongs together: namespaces, and what owners own."""
    command = [
        _program(assets, "kube-controller-manager"),
        f"--kubeconfig={plane.kubeconfig}",
        "--controllers=namespace-controller,garbage-collector-controller,clusterrole-aggregation-controller",
        "--leader-elect=false",
        f"--bind-address={_HOST}",
        f"--secure-port={_free_ports(1)[0]}",
        f"--cert-dir={plane.directory}",
    ]
    with _running(command, plane.directory / "kube-controller-manager.log"):
        yield


def _program(assets: Path, name: str) -> str:
    found = shutil.which(name, path=assets)
    if found is None:
        raise FileNotFoundError(f"{BINARIES} names {assets}, which holds no {name}")
    return found


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_LONGEST_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _await_ready(plane: ControlPlane, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _LONGEST_START_S
    while server.poll() is None and time.monotonic() < deadline:
        if _is_ready(plane):
            return
        time.sleep(0.1)
    raise Refused(f"kube-apiserver did not become ready; the end of its log:\n{log.read_text()[-2000:]}")


def _is_ready(plane: ControlPlane) -> bool:
    try:
        with plane.client() as client:
            return client.send("GET", "/readyz").status == 200
    except (OSError, HTTPException):
        return False


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((_HOST, 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _tls(authority: KeyPair, admin: KeyPair, directory: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    context.load_cert_chain(*admin.write(directory, "admin"))
    return context


def _kubeconfig(port: int, authority: KeyPair, admin: KeyPair) -> JsonObject:
    cluster = {
        "server": f"https://{_HOST}:{port}",
        "certificate-authority-data": b64encode(authority.certificate).decode(),
    }
    user = {
        "client-certificate-data": b64encode(admin.certificate).decode(),
        "client-key-data": b64encode(admin.key).decode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "real", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": "admin", "context": {"cluster": "real", "user": "admin"}}],
        "current-context": "admin",
    }
