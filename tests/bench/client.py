"""A client of kubesum, as the aggregator is one: it blocks, so that nothing but the answer is in its times."""

import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.server.sockets import LOOPBACK

API: Final = "/apis/summary.kubesum.dev/v1alpha1"
JSON: Final = "application/json"
TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
HEADERS: Final = {
    "User-Agent": "bench",
    "X-Remote-User": "jane@example.org",
    "X-Remote-Group": "system:masters",
    "X-Forwarded-For": "10.1.2.3",
}
"""Those that kube-apiserver forwards; by its own name a client would be given what a person reads."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and the seconds from the request to its last byte."""

    code: int
    body: bytes
    seconds: float


class Client:
    """One connection, which is opened with the first request."""

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        self._port: Final = port
        self._tls: Final = tls
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, path: str, accept: str = JSON, encoding: str = "identity") -> Answer:
        """The response to one request, whatever its code is."""
        connection = self._connection or self._open()
        began = time.perf_counter()
        connection.request("GET", path, headers={**HEADERS, "Accept": accept, "Accept-Encoding": encoding})
        response = connection.getresponse()
        body = response.read()
        if response.will_close:
            self.close()
        return Answer(response.status, body, time.perf_counter() - began)

    def get(self, path: str, accept: str = JSON, encoding: str = "identity") -> Answer:
        """The response to one request; raises RuntimeError if it is not 200."""
        answer = self.ask(path, accept, encoding)
        if answer.code != http.client.OK:
            raise RuntimeError(f"{path}: {answer.code} {answer.body.decode(errors='replace')}")
        return answer

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> http.client.HTTPConnection:
        wire = socket.create_connection((LOOPBACK, self._port))
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(SERVICE_HOST)
        connection.auto_open = 0
        connection.sock = self._tls.wrap_socket(wire, server_hostname=SERVICE_HOST)
        self._connection = connection
        return connection


def client_tls(authority: Path, pair: tuple[Path, Path]) -> ssl.SSLContext:
    """Trusts the server's authority, and presents a client certificate."""
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(*pair)
    return context
