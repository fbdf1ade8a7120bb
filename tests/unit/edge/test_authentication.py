"""Authentication by all kinds of credentials."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from kubesum.edge.authn.authentication import DelegatingAuthenticator, bearer_token, by_name
from kubesum.edge.authn.requestheader import EMPTY_CONFIG, request_header_config
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authn.users import ANONYMOUS, User
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.tls.certpool import InvalidCredentials
from kubesum.kube.reviews import TokenStatus, UserInfo
from kubesum.vocabulary.errors import Unauthorized
from tests.unit.edge.authenticating import (
    BAD,
    CONFIG,
    DOWN,
    GOOD,
    JANE,
    PROXY,
    REFUSED,
    ZOE,
    TokenReviews,
    as_subprotocol,
    authenticator,
    lines,
    name,
    subprotocols,
    user_of,
)
from tests.unit.edge.authenticationconfig import CLIENTS, PROXIES
from tests.unit.edge.clientcertificates import CLIENT, DAY, NOW, SERVER, UID, Issued, certificate_for, root


async def test_the_front_proxy_names_the_user() -> None:
    extra = [("X-Remote-Extra-Scopes", "x"), ("X-Remote-Extra-Scopes", "y")]

    user = await user_of(PROXY, headers=[("Host", "a"), *ZOE, *extra])

    assert user == User(
        "zoë", ("a", "b,c", "system:authenticated"), "", {"scopes": ("x", "y")}, from_front_proxy=True
    )


async def test_a_client_certificate_names_the_user() -> None:
    user = await user_of(JANE)

    assert user is not None
    assert (user.name, user.groups, user.uid, user.from_front_proxy) == (
        "jane",
        ("dev", "system:authenticated"),
        "",
        False,
    )
    fingerprint = JANE.certificate.fingerprint(hashes.SHA256()).hex()
    assert user.extra == {"authentication.kubernetes.io/credential-id": (f"X509SHA256={fingerprint}",)}


async def test_a_token_names_the_user() -> None:
    assert await user_of(headers=GOOD) == User("robot", ("machines", "system:authenticated"), "9", {"pod": ("p",)})


async def test_no_credentials_are_anonymous() -> None:
    assert await user_of() == User("system:anonymous", ("system:unauthenticated",))
    assert await user_of(headers=[("Authorization", "Basic YTpi")]) == ANONYMOUS


OF_ANOTHER = certificate_for("jane", root("clients"))


EXPIRED = certificate_for("jane", CLIENTS, ends=NOW - DAY / 2)


EXPIRED_PROXY = certificate_for("front-proxy-client", PROXIES, ends=NOW - DAY / 2)


OTHER_PROXY = certificate_for("other", PROXIES, usages=CLIENT)


SERVER_PROXY = certificate_for("front-proxy-client", PROXIES, usages=SERVER)


LIKE_A_PROXY = certificate_for("front-proxy-client", CLIENTS)


NAMELESS = certificate_for([(NameOID.ORGANIZATION_NAME, "system:masters")], CLIENTS)


MATRIX: dict[str, tuple[tuple[Issued, ...], list[tuple[str, str]], str]] = {
    "proxy and a user": ((PROXY,), ZOE, "zoë"),
    "proxy without a user": ((PROXY,), [], REFUSED),
    "proxy and an empty name": ((PROXY,), [("X-Remote-User", ""), ("X-Remote-Group", "a")], REFUSED),
    "proxy and a group alone": ((PROXY,), [("X-Remote-Group", "system:masters")], REFUSED),
    "proxy without a user, but a token": ((PROXY,), GOOD, "robot"),
    "proxy and a user and a bad token": ((PROXY,), ZOE + BAD, "zoë"),
    "a proxy whose name is not allowed": ((OTHER_PROXY,), ZOE, REFUSED),
    "a proxy whose name is not allowed, and a token": ((OTHER_PROXY,), ZOE + GOOD, "robot"),
    "an expired proxy": ((EXPIRED_PROXY,), ZOE, REFUSED),
    "a proxy's certificate for servers": ((SERVER_PROXY,), ZOE, REFUSED),
    "a user": ((JANE,), [], "jane"),
    "a user with headers": ((JANE,), ZOE, "jane"),
    "a user named like the proxy, with headers": ((LIKE_A_PROXY,), ZOE, "front-proxy-client"),
    "a user who shows the proxy's certificate too": ((JANE, PROXY), ZOE, "jane"),
    "a proxy that shows a user's certificate too": ((PROXY, JANE), ZOE, "zoë"),
    "a user and a good token": ((JANE,), GOOD, "jane"),
    "a user and a bad token": ((JANE,), BAD, "jane"),
    "an expired user": ((EXPIRED,), [], REFUSED),
    "an expired user and a good token": ((EXPIRED,), GOOD, "robot"),
    "an expired user and a bad token": ((EXPIRED,), BAD, REFUSED),
    "a user of another authority": ((OF_ANOTHER,), ZOE, REFUSED),
    "a user of another authority and a good token": ((OF_ANOTHER,), GOOD, "robot"),
    "a user without a name": ((NAMELESS,), [], REFUSED),
    "a user without a name, and a good token": ((NAMELESS,), GOOD, "robot"),
    "headers alone": ((), ZOE, "system:anonymous"),
    "headers and a good token": ((), ZOE + GOOD, "robot"),
    "headers and a bad token": ((), ZOE + BAD, REFUSED),
    "a bad token": ((), BAD, REFUSED),
    "a token whose review fails": ((), DOWN, REFUSED),
    "a user and a token whose review fails": ((JANE,), DOWN, "jane"),
    "a subprotocol": ((), subprotocols(as_subprotocol("good"), "v1"), "robot"),
    "a subprotocol after another": ((), subprotocols("v1", as_subprotocol("good")), "robot"),
    "a bad subprotocol": ((), subprotocols(as_subprotocol("bad"), "v1"), REFUSED),
    "a bad header and a good subprotocol": ((), BAD + subprotocols(as_subprotocol("good"), "v1"), "robot"),
    "a user and a subprotocol": ((JANE,), subprotocols(as_subprotocol("good"), "v1"), "jane"),
    "a subprotocol that leaves none for the response": ((), subprotocols(as_subprotocol("good")), REFUSED),
    "two subprotocols": ((), subprotocols(as_subprotocol("good"), as_subprotocol("good"), "v1"), REFUSED),
    "a padded subprotocol": ((), subprotocols(as_subprotocol("good") + "==", "v1"), REFUSED),
    "a subprotocol that is no base64": ((), subprotocols(as_subprotocol("") + "%", "v1"), REFUSED),
    "a subprotocol that is no text": ((), subprotocols(as_subprotocol("") + "_w", "v1"), REFUSED),
    "an empty subprotocol": ((), subprotocols(as_subprotocol(""), "v1"), "system:anonymous"),
    "a subprotocol of another upgrade": (
        (),
        subprotocols(as_subprotocol("good"), "v1", upgrade="h2c"),
        "system:anonymous",
    ),
}


@pytest.mark.parametrize(("chain", "headers", "expected"), MATRIX.values(), ids=MATRIX)
async def test_the_first_success_wins_and_an_error_is_never_anonymous(
    chain: tuple[Issued, ...], headers: list[tuple[str, str]], expected: str
) -> None:
    assert name(await user_of(*chain, headers=headers)) == expected


async def test_without_a_configuration_certificates_fail_and_headers_are_ignored() -> None:
    """Before the ConfigMap is loaded."""
    assert await user_of(config=EMPTY_CONFIG) == ANONYMOUS
    assert name(await user_of(config=EMPTY_CONFIG, headers=ZOE)) == "system:anonymous"
    assert await user_of(PROXY, headers=ZOE, config=EMPTY_CONFIG) is None
    assert name(await user_of(PROXY, headers=ZOE + GOOD, config=EMPTY_CONFIG)) == "robot"


async def test_one_configuration_applies_to_the_whole_request() -> None:
    """Also if another one is loaded while the token is reviewed."""
    configs = [CONFIG]

    async def authenticate(token: str) -> User:
        configs[0] = EMPTY_CONFIG
        raise InvalidCredentials("unknown")

    under_test = DelegatingAuthenticator(lambda: configs[0], authenticate, NOW.timestamp)

    with pytest.raises(Unauthorized):
        await under_test.authenticate((), lines(BAD))
    with pytest.raises(Unauthorized):
        await under_test.authenticate((JANE.der,), [])


ALONE = replace(CONFIG, allowed_names=frozenset())


async def test_without_allowed_names_every_certificate_of_the_authority_is_a_front_proxy() -> None:
    assert name(await user_of(OTHER_PROXY, headers=ZOE, config=ALONE)) == "zoë"


async def test_without_allowed_names_a_shared_authority_is_no_front_proxy() -> None:
    """[A4] NCC-E003660: else any user could name any other."""
    shared = replace(ALONE, front_proxies=CONFIG.clients)

    assert name(await user_of(JANE, headers=ZOE, config=shared)) == "jane"


async def test_without_allowed_names_an_authority_above_the_users_is_no_front_proxy() -> None:
    """The front proxy's authority has issued the users', so that users' certificates verify against it too."""
    below = certificate_for("users", PROXIES, ca=True)
    user = certificate_for("jane", below)
    config = replace(ALONE, clients=request_header_config({"client-ca-file": below.pem.decode()}).clients)

    assert name(await user_of(user, below, headers=ZOE, config=config)) == "jane"
    assert name(await user_of(PROXY, headers=ZOE, config=config)) == "zoë"


async def test_with_allowed_names_a_shared_authority_is_distinguished_by_name() -> None:
    shared = replace(CONFIG, front_proxies=CONFIG.clients)

    assert name(await user_of(JANE, headers=ZOE, config=shared)) == "jane"
    assert name(await user_of(LIKE_A_PROXY, headers=ZOE, config=shared)) == "zoë"


@pytest.mark.parametrize(
    ("headers", "groups"),
    [
        ([("X-Remote-User", "a")], ("system:authenticated",)),
        (
            [("X-Remote-User", "a"), ("X-Remote-Group", "system:authenticated"), ("X-Remote-Group", "b")],
            ("system:authenticated", "b"),
        ),
        ([("X-Remote-User", "a"), ("X-Remote-Group", "system:unauthenticated")], ("system:unauthenticated",)),
        ([("X-Remote-User", "system:anonymous")], ()),
    ],
)
async def test_authenticated_users_are_in_system_authenticated(
    headers: list[tuple[str, str]], groups: tuple[str, ...]
) -> None:
    """[A11]"""
    user = await user_of(PROXY, headers=headers)

    assert user is not None
    assert user.groups == groups


async def test_a_certificate_may_hold_one_uid() -> None:
    one = certificate_for([(NameOID.COMMON_NAME, "jane"), (UID, "7")], CLIENTS)
    two = certificate_for([(NameOID.COMMON_NAME, "jane"), (UID, "7"), (UID, "8")], CLIENTS)

    user = await user_of(one)

    assert user is not None
    assert user.uid == "7"
    assert await user_of(two) is None


async def test_the_last_common_name_counts() -> None:
    """As in Go."""
    several = certificate_for([(NameOID.COMMON_NAME, "first"), (NameOID.COMMON_NAME, "last")], CLIENTS)

    assert name(await user_of(several)) == "last"


BEARERS = {
    "Bearer abc": "abc",
    "bearer abc": "abc",
    "BEARER abc": "abc",
    "  Bearer abc  ": "abc",
    "Bearer abc def": "abc",
    "Bearer  abc": "",
    "Bearer": "",
    "Bearer ": "",
    "Bearer\tabc": "",
    "Bearerabc": "",
    "Basic abc": "",
    "": "",
    "Bearer é": "é",
}


@pytest.mark.parametrize(("value", "token"), BEARERS.items(), ids=BEARERS)
def test_a_bearer_token_is_parsed_as_in_go(value: str, token: str) -> None:
    assert bearer_token(by_name(lines([("Authorization", value)]))) == token


def test_only_the_first_authorization_line_is_read() -> None:
    assert bearer_token(by_name(lines([("Authorization", "Basic a"), ("Authorization", "Bearer b")]))) == ""
    assert bearer_token({}) == ""


async def test_a_token_is_reviewed_once_while_the_result_is_cached() -> None:
    reviews = TokenReviews()
    under_test = authenticator(reviews=reviews)

    for _ in range(3):
        assert (await under_test.authenticate((), lines(GOOD))).name == "robot"
        with pytest.raises(Unauthorized):
            await under_test.authenticate((), lines(BAD))

    assert reviews.tokens == ["good", "bad"]


async def test_a_token_that_is_too_long_is_not_reviewed() -> None:
    reviews = TokenReviews()
    under_test = authenticator(reviews=reviews)

    with pytest.raises(Unauthorized):
        await under_test.authenticate((), lines([("Authorization", f"Bearer {'a' * 65_537}")]))

    assert reviews.tokens == []


@pytest.mark.parametrize(
    "status",
    [
        TokenStatus(),
        TokenStatus(user=UserInfo("root", groups=("system:masters",))),
        TokenStatus(authenticated=True),
        TokenStatus(authenticated=True, user=UserInfo(groups=("system:masters",))),
    ],
    ids=["nothing", "a user who is not authenticated", "nobody", "groups alone"],
)
async def test_a_review_without_a_user_name_fails(status: TokenStatus) -> None:
    async def review(_token: str) -> TokenStatus:
        return status

    with pytest.raises(InvalidCredentials):
        await TokenAuthenticator(review, ReviewCache()).authenticate("abc")
