"""Requests with impersonation headers, which are refused."""

from typing import Final

from kubesum.edge.authn.authentication import Headers
from kubesum.edge.authn.users import User
from kubesum.vocabulary.errors import Forbidden, StatusDetails
from kubesum.vocabulary.quoting import quoted, without_markup

# Some proxies replace hyphens by underscores.
_PREFIXES: Final = (b"impersonate-", b"impersonate_")


def refuse_impersonation(user: User, headers: Headers) -> None:
    """Raises Forbidden for a request with an Impersonate- header.

    kube-apiserver resolves impersonation before it forwards a request, so only direct clients send such headers.
    """
    for name, _ in headers:
        if name.startswith(_PREFIXES):
            who = without_markup(f"User {quoted(user.name)}")
            raise Forbidden(f"forbidden: {who} cannot impersonate here; ask through kube-apiserver", StatusDetails())
