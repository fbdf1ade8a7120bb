"""CPU time of authentication and authorization per request, with a cached certificate and a cached review.

That is the front proxy's certificate and headers, their removal, and the key of the SubjectAccessReview, for a user
of 5 groups and for one of 300. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import os
import ssl
import statistics
import time

import uvloop

from kubesum.api.requests.requestinfo import request_info
from kubesum.edge.authn.authentication import DelegatingAuthenticator, Headers
from kubesum.edge.authn.requestheader import request_header_config
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authz.authorization import DelegatingAuthorizer
from kubesum.edge.authz.impersonation import refuse_impersonation
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from kubesum.kube.reviews import AccessStatus, TokenStatus
from kubesum.vocabulary.defaults import ALWAYS_ALLOW_PATHS

REQUESTS, ROUNDS = 200, 15

PATH = b"/apis/summary.kubesum.dev/v1alpha1/namespaces/team-a/podsummaries"
OF_EVERY_REQUEST = (
    (b"host", b"10.96.0.17:443"),
    (b"user-agent", b"kubectl/v1.37.1 (linux/amd64) kubernetes/0d2c1f5"),
    (b"accept", b"application/json;as=Table;v=v1;g=meta.k8s.io,application/json"),
    (b"accept-encoding", b"gzip"),
    (b"audit-id", b"0b53d6a4-0c1c-4a51-9f0e-51d29a5b8f01"),
    (b"kubectl-command", b"kubectl get"),
    (b"kubectl-session", b"5c8f7a44-8f2b-4cf0-a0d3-6b9a4c1f3a52"),
    (b"x-forwarded-for", b"10.1.2.3"),
    (b"x-forwarded-host", b"kubernetes.default.svc"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-uri", PATH),
    (b"x-remote-user", b"jane@example.org"),
    (b"x-remote-uid", b"5c8f7a44-8f2b-4cf0-a0d3-6b9a4c1f3a52"),
    (b"x-remote-extra-scopes", b"openid"),
    (b"x-remote-extra-authentication.kubernetes.io%2fcredential-id", b"X509SHA256=5c8f7a448f2b4cf0a0d36b9a4c1f3a52"),
)


def headers(groups: int) -> Headers:
    """The headers of one request, as new objects, as they come from a connection."""
    named = [(b"x-remote-group", b"cn=team-%04d,ou=groups,dc=example,dc=org" % number) for number in range(groups)]
    return [(bytes(bytearray(name)), bytes(bytearray(value))) for name, value in (*OF_EVERY_REQUEST, *named)]


async def allowed(_spec: bytes) -> AccessStatus:
    """A review that allows everything."""
    return AccessStatus(allowed=True)


async def invalid_token(_token: str) -> TokenStatus:
    """A review that no token passes."""
    return TokenStatus()


def delegating(clients: KeyPair, proxies: KeyPair) -> tuple[DelegatingAuthenticator, DelegatingAuthorizer]:
    """Authentication and authorization as `serve` has them, with these authorities of users and front proxies."""
    config = request_header_config(
        {
            "client-ca-file": clients.certificate.decode(),
            "requestheader-client-ca-file": proxies.certificate.decode(),
            "requestheader-allowed-names": '["front-proxy-client"]',
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-uid-headers": '["X-Remote-Uid"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        }
    )
    tokens = TokenAuthenticator(invalid_token, ReviewCache())
    authenticator = DelegatingAuthenticator(lambda: config, tokens.authenticate, time.time)
    return authenticator, DelegatingAuthorizer(allowed, ReviewCache(), ALWAYS_ALLOW_PATHS, lambda: True)


async def measured(groups: int) -> float:
    """Seconds per request of a user of so many groups."""
    clients, proxies = certificates.authority("kubernetes"), certificates.authority("front-proxy-ca")
    authenticator, authorizer = delegating(clients, proxies)
    proxy = certificates.client(proxies, "front-proxy-client").certificate.decode()
    chain, info = (ssl.PEM_cert_to_DER_cert(proxy),), request_info("GET", PATH, b"limit=500")

    async def round_of(requests: list[Headers]) -> float:
        began = time.process_time()
        for lines in requests:
            user = await authenticator.authenticate(chain, lines)
            refuse_impersonation(user, lines)
            authenticator.without_identity_headers(lines)
            await authorizer.authorize(user, info)
        return (time.process_time() - began) / len(requests)

    return statistics.median([await round_of([headers(groups) for _ in range(REQUESTS)]) for _ in range(ROUNDS)])


def main() -> None:
    """Measures both users."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=int, required=True, help="processor to run on")
    os.sched_setaffinity(0, {parser.parse_args().core})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds = [runner.run(measured(groups)) for groups in (5, 300)]
    print(json.dumps({"typical_s": seconds[0], "of_300_groups_s": seconds[1]}))


if __name__ == "__main__":
    main()
