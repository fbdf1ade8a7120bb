"""The identity headers of a front proxy: how they are read, and that no request keeps any."""

from dataclasses import replace

import pytest

from kubesum.edge.authn.authentication import DelegatingAuthenticator
from kubesum.edge.authn.requestheader import EMPTY_CONFIG, request_header_config
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authz.reviewcache import ReviewCache
from tests.unit.edge.authenticating import CONFIG, PROXY, TokenReviews, authenticator, lines, name, user_of
from tests.unit.edge.clientcertificates import NOW

SPELLINGS = ["x-remote-user", "X-REMOTE-USER", "X-Remote-User"]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_header_names_are_compared_without_case(spelling: str) -> None:
    assert name(await user_of(PROXY, headers=[(spelling, "zoë")])) == "zoë"


@pytest.mark.parametrize(
    "header", ["X_Remote_User", "X-Remote_User", "X-Remote-User-", "XX-Remote-User", "X-Remote-Users", "Remote-User"]
)
async def test_a_similar_header_names_no_user(header: str) -> None:
    """kube-apiserver forwards such headers of clients if they have underscores."""
    assert await user_of(PROXY, headers=[(header, "root")]) is None


async def test_the_first_line_of_a_header_names_the_user() -> None:
    twice = [("X-Remote-User", "zoë"), ("X-Remote-User", "root")]

    assert name(await user_of(PROXY, headers=twice)) == "zoë"


async def test_the_first_header_that_is_not_empty_names_the_user() -> None:
    """headerrequest.headerValue: the first line of each header."""
    config = replace(CONFIG, username_headers=(b"x-user", b"x-remote-user"))

    assert name(await user_of(PROXY, headers=[("X-Remote-User", "a"), ("X-User", "b")], config=config)) == "b"
    assert name(await user_of(PROXY, headers=[("X-Remote-User", "a"), ("X-User", "")], config=config)) == "a"
    lines_ = [("X-User", ""), ("X-User", "b"), ("X-Remote-User", "a")]
    assert name(await user_of(PROXY, headers=lines_, config=config)) == "a"


async def test_groups_are_read_header_by_header_without_empty_ones() -> None:
    config = replace(CONFIG, group_headers=(b"x-group", b"x-remote-group"))
    groups = [("X-Remote-Group", "c"), ("X-Group", "a"), ("X-Remote-Group", ""), ("X-Group", "b, b")]

    user = await user_of(PROXY, headers=[("X-Remote-User", "zoë"), *groups], config=config)

    assert user is not None
    assert user.groups == ("a", "b, b", "c", "system:authenticated")


async def test_three_hundred_groups_are_read() -> None:
    groups = [f"cn=team-{number},ou=groups,dc=example,dc=org" for number in range(300)]

    user = await user_of(PROXY, headers=[("X-Remote-User", "zoë"), *(("X-Remote-Group", group) for group in groups)])

    assert user is not None
    assert user.groups == (*groups, "system:authenticated")


async def test_a_uid_is_read_only_from_a_configured_header() -> None:
    """Older aggregators forward the header of the client (kubernetes#126821)."""
    headers = [("X-Remote-User", "zoë"), ("X-Remote-Uid", "0")]
    configured = replace(CONFIG, uid_headers=(b"x-remote-uid",))

    without, with_uid = (
        await user_of(PROXY, headers=headers),
        await user_of(PROXY, headers=headers, config=configured),
    )

    assert without is not None
    assert with_uid is not None
    assert (without.uid, without.extra, with_uid.uid) == ("", {}, "0")


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
async def test_the_key_of_an_extra_is_unescaped_if_its_escapes_are_valid(header: str, key: str) -> None:
    user = await user_of(PROXY, headers=[("X-Remote-User", "zoë"), (header, "1"), (header, "2, 3")])

    assert user is not None
    assert user.extra == {key: ("1", "2, 3")}


async def test_two_spellings_of_a_key_are_one_extra() -> None:
    headers = [("X-Remote-Extra-a%2fb", "1"), ("x-remote-extra-A%2Fb", "2"), ("X-Remote-Extra-c", "")]

    user = await user_of(PROXY, headers=[("X-Remote-User", "zoë"), *headers])

    assert user is not None
    assert user.extra == {"a/b": ("1", "2"), "c": ("",)}


async def test_values_are_utf_8_or_else_latin_1() -> None:
    """[P10]"""
    raw = [(b"x-remote-user", b"zo\xc3\xab"), (b"x-remote-group", b"zo\xeb"), (b"x-remote-extra-a", b"\xff\xfe")]

    user = await user_of(PROXY, raw=raw)

    assert user is not None
    assert (user.name, user.groups[0], user.extra) == ("zoë", "zoë", {"a": ("ÿþ",)})


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


def test_identity_headers_and_credentials_are_removed() -> None:
    """[A12]"""
    headers = [*KEPT[:3], *((header, "root") for header in IDENTITY), *KEPT[3:]]

    assert authenticator().without_identity_headers(lines(headers)) == lines(KEPT)


def test_configured_identity_headers_are_removed() -> None:
    config = request_header_config(
        {
            "requestheader-username-headers": '["X-Who"]',
            "requestheader-uid-headers": '["X_Uid"]',
            "requestheader-group-headers": '["X-Teams"]',
            "requestheader-extra-headers-prefix": '["X-More-"]',
        }
    )
    configured = [("X-Who", "a"), ("x_who", "a"), ("X-Uid", "a"), ("X-Teams", "a"), ("X-More-Or-Less", "a")]

    identity = [*configured, *((header, "root") for header in IDENTITY)]

    assert authenticator(config).without_identity_headers(lines([*KEPT, *identity])) == lines(KEPT)


def test_headers_are_removed_by_the_current_configuration() -> None:
    configs = [EMPTY_CONFIG]
    under_test = DelegatingAuthenticator(
        lambda: configs[0], TokenAuthenticator(TokenReviews(), ReviewCache()).authenticate, NOW.timestamp
    )

    configs[0] = replace(CONFIG, username_headers=(b"x-who",))

    assert under_test.without_identity_headers([(b"x-who", b"a")]) == []
