"""The headers of forwarded requests, line by line."""

from kubesim.access.authentication import User
from kubesim.aggregation.forwarding import canonical, query, request_headers, response_headers


def test_identity_headers_of_the_client_are_replaced() -> None:
    user = User(
        "zoë@example.org",
        ("developers", "payments", "system:authenticated"),
        "1234",
        {"example.org/Scopes": ("read", "explain"), "50%": ("x",)},
    )
    raw = [
        (b"host", b"127.0.0.1:6443"),
        (b"authorization", b"Bearer secret"),
        (b"x-remote-user", b"admin"),
        (b"x-remote-group", b"system:masters"),
        (b"x-forwarded-host", b"elsewhere"),
        (b"impersonate-user", b"zoe"),
        (b"connection", b"keep-alive"),
        (b"content-length", b"2"),
        (b"audit-id", b"7"),
        (b"kubectl-command", b"kubectl get"),
        (b"accept-encoding", b"gzip"),
    ]

    headers = request_headers(raw, user, "10.0.0.7", "/apis/x")

    assert list(headers.items()) == [
        ("Audit-Id", "7"),
        ("Kubectl-Command", "kubectl get"),
        ("Accept-Encoding", "gzip"),
        ("X-Forwarded-For", "10.0.0.7"),
        ("X-Forwarded-Host", "127.0.0.1:6443"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Uri", "/apis/x"),
        ("X-Remote-User", "zoë@example.org"),
        ("X-Remote-Group", "developers"),
        ("X-Remote-Group", "payments"),
        ("X-Remote-Group", "system:authenticated"),
        ("X-Remote-Uid", "1234"),
        ("X-Remote-Extra-Example.org%2fscopes", "read"),
        ("X-Remote-Extra-Example.org%2fscopes", "explain"),
        ("X-Remote-Extra-50%25", "x"),
    ]


def test_x_forwarded_for_is_appended_to() -> None:
    raw = [(b"x-forwarded-for", b"1.1.1.1"), (b"host", b"h")]

    assert request_headers(raw, User("a"), "2.2.2.2", "/")["X-Forwarded-For"] == "1.1.1.1, 2.2.2.2"


def test_names_are_written_as_go_writes_them() -> None:
    assert canonical("user-agent") == "User-Agent"
    assert canonical("X-Remote-Extra-authentication.kubernetes.io%2Fcredential-id") == (
        "X-Remote-Extra-Authentication.kubernetes.io%2fcredential-Id"
    )


def test_queries_are_sorted_and_encoded_again() -> None:
    assert query("watch=true&labelSelector=a%20in%20(b)&empty=") == "empty=&labelSelector=a+in+%28b%29&watch=true"


def test_hop_by_hop_headers_of_responses_are_removed() -> None:
    raw = [(b"Content-Type", b"text/plain"), (b"Transfer-Encoding", b"chunked"), (b"Connection", b"close")]

    assert response_headers(raw) == [(b"content-type", b"text/plain")]
