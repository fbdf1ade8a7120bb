"""Who asks: every way to show it, what is believed of it, and what is left of it behind."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from kubesum.edge.authn.authentication import DelegatingAuthenticator, bearer_token, by_name
from kubesum.edge.authn.requestheader import EMPTY_CONFIG, RequestHeaderConfig, request_header_config
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authn.users import ANONYMOUS, User
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.tls.certpool import InvalidCredentials
from kubesum.kube.reviews import TokenStatus, UserInfo
from kubesum.vocabulary.errors import Unauthorized, UpstreamError
from tests.unit.edge.clientcertificates import CLIENT, DAY, NOW, SERVER, UID, Minted, minted, root

CLIENTS, PROXIES = root("clients"), root("proxies")
PROXY = minted("front-proxy-client", PROXIES, usages=CLIENT)
JANE = minted([(NameOID.ORGANIZATION_NAME, "dev"), (NameOID.COMMON_NAME, "jane")], CLIENTS, usages=CLIENT)
TRUST = request_header_config(
    {
        "client-ca-file": CLIENTS.pem.decode(),
        "requestheader-client-ca-file": PROXIES.pem.decode(),
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }
)
ZOE = [("X-Remote-User", "zoë"), ("X-Remote-Group", "a"), ("X-Remote-Group", "b,c")]
GOOD, BAD, DOWN = (
    [("Authorization", "Bearer good")],
    [("Authorization", "Bearer bad")],
    [("Authorization", "Bearer d")],
)


@dataclass
class Holders:
    """Who holds the tokens `good`, `bad` and `d`, of which the last cannot be asked for; remembers what was asked."""

    asked: list[str] = field(default_factory=list)

    async def __call__(self, token: str) -> TokenStatus:
        self.asked.append(token)
        if token == "d":
            raise UpstreamError("down")
        user = UserInfo("robot", "9", ("machines",), {"pod": ("p",)})
        return TokenStatus(authenticated=True, user=user) if token == "good" else TokenStatus(error="unknown")


def lines(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """As the protocol hands them on: names in lower case."""
    return [(name.lower().encode(), value.encode()) for name, value in headers]


def authenticator(trust: RequestHeaderConfig = TRUST, holders: Holders | None = None) -> DelegatingAuthenticator:
    return DelegatingAuthenticator(
        lambda: trust, TokenAuthenticator(holders or Holders(), ReviewCache()).authenticate, NOW.timestamp
    )


async def who(
    *chain: Minted,
    headers: Sequence[tuple[str, str]] = (),
    trust: RequestHeaderConfig = TRUST,
    raw: Sequence[tuple[bytes, bytes]] = (),
) -> User | None:
    """Who asks, None for nobody who is believed."""
    try:
        return await authenticator(trust).authenticate(tuple(one.der for one in chain), [*lines(headers), *raw])
    except Unauthorized:
        return None


def name(user: User | None) -> str:
    return user.name if user else ""


async def test_whom_the_front_proxy_names_it_is() -> None:
    extra = [("X-Remote-Extra-Scopes", "x"), ("X-Remote-Extra-Scopes", "y")]

    user = await who(PROXY, headers=[("Host", "a"), *ZOE, *extra])

    assert user == User(
        "zoë", ("a", "b,c", "system:authenticated"), "", {"scopes": ("x", "y")}, from_front_proxy=True
    )


async def test_whom_a_certificate_names_it_is() -> None:
    user = await who(JANE)

    assert user is not None
    assert (user.name, user.groups, user.uid, user.from_front_proxy) == (
        "jane",
        ("dev", "system:authenticated"),
        "",
        False,
    )
    fingerprint = JANE.certificate.fingerprint(hashes.SHA256()).hex()
    assert user.extra == {"authentication.kubernetes.io/credential-id": (f"X509SHA256={fingerprint}",)}


async def test_who_holds_a_token_it_is() -> None:
    assert await who(headers=GOOD) == User("robot", ("machines", "system:authenticated"), "9", {"pod": ("p",)})


async def test_who_shows_nothing_is_anonymous() -> None:
    assert await who() == User("system:anonymous", ("system:unauthenticated",))
    assert await who(headers=[("Authorization", "Basic YTpi")]) == ANONYMOUS


OF_ANOTHER = minted("jane", root("clients"))
EXPIRED = minted("jane", CLIENTS, ends=NOW - DAY / 2)
EXPIRED_PROXY = minted("front-proxy-client", PROXIES, ends=NOW - DAY / 2)
OTHER_PROXY = minted("other", PROXIES, usages=CLIENT)
SERVER_PROXY = minted("front-proxy-client", PROXIES, usages=SERVER)
LIKE_A_PROXY = minted("front-proxy-client", CLIENTS)
NAMELESS = minted([(NameOID.ORGANIZATION_NAME, "system:masters")], CLIENTS)

MATRIX: dict[str, tuple[tuple[Minted, ...], list[tuple[str, str]], str]] = {
    "proxy and a user": ((PROXY,), ZOE, "zoë"),
    "proxy and nobody": ((PROXY,), [], ""),
    "proxy and an empty name": ((PROXY,), [("X-Remote-User", ""), ("X-Remote-Group", "a")], ""),
    "proxy and a group alone": ((PROXY,), [("X-Remote-Group", "system:masters")], ""),
    "proxy and nobody, but a token": ((PROXY,), GOOD, "robot"),
    "proxy and a user and a bad token": ((PROXY,), ZOE + BAD, "zoë"),
    "a proxy whose name is not allowed": ((OTHER_PROXY,), ZOE, ""),
    "a proxy whose name is not allowed, and a token": ((OTHER_PROXY,), ZOE + GOOD, "robot"),
    "an expired proxy": ((EXPIRED_PROXY,), ZOE, ""),
    "a proxy's certificate for servers": ((SERVER_PROXY,), ZOE, ""),
    "a user": ((JANE,), [], "jane"),
    "a user with headers": ((JANE,), ZOE, "jane"),
    "a user named like the proxy, with headers": ((LIKE_A_PROXY,), ZOE, "front-proxy-client"),
    "a user who shows the proxy's certificate too": ((JANE, PROXY), ZOE, "jane"),
    "a proxy that shows a user's certificate too": ((PROXY, JANE), ZOE, "zoë"),
    "a user and a good token": ((JANE,), GOOD, "jane"),
    "a user and a bad token": ((JANE,), BAD, "jane"),
    "an expired user": ((EXPIRED,), [], ""),
    "an expired user and a good token": ((EXPIRED,), GOOD, "robot"),
    "an expired user and a bad token": ((EXPIRED,), BAD, ""),
    "a user of another authority": ((OF_ANOTHER,), ZOE, ""),
    "a user of another authority and a good token": ((OF_ANOTHER,), GOOD, "robot"),
    "a user without a name": ((NAMELESS,), [], ""),
    "a user without a name, and a good token": ((NAMELESS,), GOOD, "robot"),
    "headers alone": ((), ZOE, "system:anonymous"),
    "headers and a good token": ((), ZOE + GOOD, "robot"),
    "headers and a bad token": ((), ZOE + BAD, ""),
    "a bad token": ((), BAD, ""),
    "a token that nobody can tell of": ((), DOWN, ""),
    "a user and a token that nobody can tell of": ((JANE,), DOWN, "jane"),
}


@pytest.mark.parametrize(("chain", "headers", "expected"), MATRIX.values(), ids=MATRIX)
async def test_the_first_success_wins_and_an_error_is_never_anonymous(
    chain: tuple[Minted, ...], headers: list[tuple[str, str]], expected: str
) -> None:
    assert name(await who(*chain, headers=headers)) == expected


async def test_without_any_trust_certificates_and_headers_are_nothing() -> None:
    """Before it is known whom kube-apiserver trusts."""
    assert await who(trust=EMPTY_CONFIG) == ANONYMOUS
    assert name(await who(trust=EMPTY_CONFIG, headers=ZOE)) == "system:anonymous"
    assert await who(PROXY, headers=ZOE, trust=EMPTY_CONFIG) is None
    assert name(await who(PROXY, headers=ZOE + GOOD, trust=EMPTY_CONFIG)) == "robot"


async def test_a_request_is_judged_by_one_trust() -> None:
    """Also when another one comes while a token is asked about."""
    trusts = [TRUST]

    async def authenticate(token: str) -> User:
        trusts[0] = EMPTY_CONFIG
        raise InvalidCredentials("nobody")

    asking = DelegatingAuthenticator(lambda: trusts[0], authenticate, NOW.timestamp)

    with pytest.raises(Unauthorized):
        await asking.authenticate((), lines(BAD))
    with pytest.raises(Unauthorized):
        await asking.authenticate((JANE.der,), [])


ALONE = replace(TRUST, allowed_names=frozenset())


async def test_without_names_any_certificate_of_the_front_proxys_authority_will_do() -> None:
    assert name(await who(OTHER_PROXY, headers=ZOE, trust=ALONE)) == "zoë"


async def test_without_names_a_shared_authority_speaks_for_nobody() -> None:
    """[A4] NCC-E003660: any user could be anybody."""
    shared = replace(ALONE, front_proxies=TRUST.clients)

    assert name(await who(JANE, headers=ZOE, trust=shared)) == "jane"


async def test_without_names_an_authority_above_the_users_speaks_for_no_user() -> None:
    """The users' authority was issued by the front proxy's: with it, their certificates verify as the proxy's do."""
    below = minted("users", PROXIES, ca=True)
    user = minted("jane", below)
    trust = replace(ALONE, clients=request_header_config({"client-ca-file": below.pem.decode()}).clients)

    assert name(await who(user, below, headers=ZOE, trust=trust)) == "jane"
    assert name(await who(PROXY, headers=ZOE, trust=trust)) == "zoë"


async def test_with_names_a_shared_authority_is_told_apart_by_them() -> None:
    shared = replace(TRUST, front_proxies=TRUST.clients)

    assert name(await who(JANE, headers=ZOE, trust=shared)) == "jane"
    assert name(await who(LIKE_A_PROXY, headers=ZOE, trust=shared)) == "zoë"


SPELLINGS = ["x-remote-user", "X-REMOTE-USER", "X-Remote-User"]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_the_case_of_a_header_is_nothing(spelling: str) -> None:
    assert name(await who(PROXY, headers=[(spelling, "zoë")])) == "zoë"


@pytest.mark.parametrize(
    "header", ["X_Remote_User", "X-Remote_User", "X-Remote-User-", "XX-Remote-User", "X-Remote-Users", "Remote-User"]
)
async def test_a_header_that_is_only_like_it_is_another(header: str) -> None:
    """kube-apiserver lets clients' underscores pass."""
    assert await who(PROXY, headers=[(header, "root")]) is None


async def test_of_several_lines_the_first_names_the_user() -> None:
    twice = [("X-Remote-User", "zoë"), ("X-Remote-User", "root")]

    assert name(await who(PROXY, headers=twice)) == "zoë"


async def test_of_several_headers_the_first_that_is_not_empty_names_the_user() -> None:
    """headerrequest.headerValue: of each its first line."""
    trust = replace(TRUST, username_headers=(b"x-user", b"x-remote-user"))

    assert name(await who(PROXY, headers=[("X-Remote-User", "a"), ("X-User", "b")], trust=trust)) == "b"
    assert name(await who(PROXY, headers=[("X-Remote-User", "a"), ("X-User", "")], trust=trust)) == "a"
    lines_ = [("X-User", ""), ("X-User", "b"), ("X-Remote-User", "a")]
    assert name(await who(PROXY, headers=lines_, trust=trust)) == "a"


async def test_groups_come_header_by_header_and_empty_ones_are_none() -> None:
    trust = replace(TRUST, group_headers=(b"x-group", b"x-remote-group"))
    groups = [("X-Remote-Group", "c"), ("X-Group", "a"), ("X-Remote-Group", ""), ("X-Group", "b, b")]

    user = await who(PROXY, headers=[("X-Remote-User", "zoë"), *groups], trust=trust)

    assert user is not None
    assert user.groups == ("a", "b, b", "c", "system:authenticated")


async def test_three_hundred_groups_are_three_hundred_groups() -> None:
    groups = [f"cn=team-{number},ou=groups,dc=example,dc=org" for number in range(300)]

    user = await who(PROXY, headers=[("X-Remote-User", "zoë"), *(("X-Remote-Group", group) for group in groups)])

    assert user is not None
    assert user.groups == (*groups, "system:authenticated")


async def test_a_uid_is_believed_only_where_it_is_configured() -> None:
    """Older aggregators hand on what clients claim (kubernetes#126821)."""
    headers = [("X-Remote-User", "zoë"), ("X-Remote-Uid", "0")]
    configured = replace(TRUST, uid_headers=(b"x-remote-uid",))

    unbelieved, believed = await who(PROXY, headers=headers), await who(PROXY, headers=headers, trust=configured)

    assert unbelieved is not None
    assert believed is not None
    assert (unbelieved.uid, unbelieved.extra, believed.uid) == ("", {}, "0")


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("X-Remote-Extra-Scopes", "scopes"),
        ("X-Remote-Extra-Example.org%2fScopes", "example.org/scopes"),
        ("X-Remote-Extra-A%2FB%25", "a/b%"),
        ("X-Remote-Extra-%4A", "J"),
        ("X-Remote-Extra-%c3%a9", "é"),
        ("X-Remote-Extra-%ff", "ÿ"),
        ("X-Remote-Extra-%zz%41", "%zz%41"),
        ("X-Remote-Extra-100%", "100%"),
        ("X-Remote-Extra-", ""),
        ("X-Remote-Extra-a_b", "a_b"),
    ],
)
async def test_the_key_of_an_extra_is_unescaped_or_taken_as_it_is(header: str, key: str) -> None:
    user = await who(PROXY, headers=[("X-Remote-User", "zoë"), (header, "1"), (header, "2, 3")])

    assert user is not None
    assert user.extra == {key: ("1", "2, 3")}


async def test_extras_of_two_spellings_are_one() -> None:
    headers = [("X-Remote-Extra-a%2fb", "1"), ("x-remote-extra-A%2Fb", "2"), ("X-Remote-Extra-c", "")]

    user = await who(PROXY, headers=[("X-Remote-User", "zoë"), *headers])

    assert user is not None
    assert user.extra == {"a/b": ("1", "2"), "c": ("",)}


async def test_values_are_utf_8_and_where_they_are_not_latin_1() -> None:
    """[P10]"""
    raw = [(b"x-remote-user", b"zo\xc3\xab"), (b"x-remote-group", b"zo\xeb"), (b"x-remote-extra-a", b"\xff\xfe")]

    user = await who(PROXY, raw=raw)

    assert user is not None
    assert (user.name, user.groups[0], user.extra) == ("zoë", "zoë", {"a": ("ÿþ",)})


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
async def test_whoever_is_known_is_authenticated(headers: list[tuple[str, str]], groups: tuple[str, ...]) -> None:
    """[A11]"""
    user = await who(PROXY, headers=headers)

    assert user is not None
    assert user.groups == groups


async def test_a_certificate_may_tell_a_uid() -> None:
    one = minted([(NameOID.COMMON_NAME, "jane"), (UID, "7")], CLIENTS)
    two = minted([(NameOID.COMMON_NAME, "jane"), (UID, "7"), (UID, "8")], CLIENTS)

    user = await who(one)

    assert user is not None
    assert user.uid == "7"
    assert await who(two) is None


async def test_the_last_of_several_names_counts() -> None:
    """As Go reads them."""
    several = minted([(NameOID.COMMON_NAME, "first"), (NameOID.COMMON_NAME, "last")], CLIENTS)

    assert name(await who(several)) == "last"


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
def test_a_bearer_token_is_read_as_go_reads_it(value: str, token: str) -> None:
    assert bearer_token(by_name(lines([("Authorization", value)]))) == token


def test_only_the_first_line_tells_a_token() -> None:
    assert bearer_token(by_name(lines([("Authorization", "Basic a"), ("Authorization", "Bearer b")]))) == ""
    assert bearer_token({}) == ""


async def test_a_token_is_asked_about_once_while_its_verdict_is_kept() -> None:
    holders = Holders()
    asking = authenticator(holders=holders)

    for _ in range(3):
        assert (await asking.authenticate((), lines(GOOD))).name == "robot"
        with pytest.raises(Unauthorized):
            await asking.authenticate((), lines(BAD))

    assert holders.asked == ["good", "bad"]


async def test_what_is_too_long_is_no_token() -> None:
    holders = Holders()
    asking = authenticator(holders=holders)

    with pytest.raises(Unauthorized):
        await asking.authenticate((), lines([("Authorization", f"Bearer {'a' * 65_537}")]))

    assert holders.asked == []


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
async def test_a_token_has_a_holder_with_a_name_or_none(status: TokenStatus) -> None:
    async def review(_token: str) -> TokenStatus:
        return status

    with pytest.raises(InvalidCredentials):
        await TokenAuthenticator(review, ReviewCache()).authenticate("abc")


KEPT = [("Host", "a"), ("Accept", "b"), ("X-Forwarded-For", "c"), ("X-Remote", "d"), ("X-Request-Id", "e")]
IDENTITY = [
    "Authorization",
    "AUTHORIZATION",
    "X-Remote-User",
    "X_Remote_User",
    "X-Remote_Group",
    "X-REMOTE-EXTRA-a%2fb",
    "X-Remote-Uid",
    "X-Remote-Anything",
    "Impersonate-User",
    "impersonate_group",
    "Impersonate-Extra-a",
]


def test_nothing_that_says_who_asks_is_left() -> None:
    """[A12]"""
    headers = [*KEPT[:3], *((header, "root") for header in IDENTITY), *KEPT[3:]]

    assert authenticator().without_identity_headers(lines(headers)) == lines(KEPT)


def test_nothing_is_left_of_other_headers_either_where_those_are_configured() -> None:
    trust = request_header_config(
        {
            "requestheader-username-headers": '["X-Who"]',
            "requestheader-uid-headers": '["X_Uid"]',
            "requestheader-group-headers": '["X-Teams"]',
            "requestheader-extra-headers-prefix": '["X-More-"]',
        }
    )
    told = [("X-Who", "a"), ("x_who", "a"), ("X-Uid", "a"), ("X-Teams", "a"), ("X-More-Or-Less", "a")]

    identity = [*told, *((header, "root") for header in IDENTITY)]

    assert authenticator(trust).without_identity_headers(lines([*KEPT, *identity])) == lines(KEPT)


def test_headers_are_stripped_by_the_trust_of_the_moment() -> None:
    trusts = [EMPTY_CONFIG]
    asking = DelegatingAuthenticator(
        lambda: trusts[0], TokenAuthenticator(Holders(), ReviewCache()).authenticate, NOW.timestamp
    )

    trusts[0] = replace(TRUST, username_headers=(b"x-who",))

    assert asking.without_identity_headers([(b"x-who", b"a")]) == []
