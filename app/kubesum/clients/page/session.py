"""Who may read: the browser that has opened the address with the one-time token.

The token is in an address that is printed or given to the browser, where others may see it later: in the history, in
a list of processes. So it is accepted once, and exchanged for a cookie that no script can read and that no other site
can make the browser send. Its name has the port: cookies of one host are shared by all its ports.
"""

import hmac
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

TOKEN_PARAMETER: Final = "token"  # noqa: S105 - the name of a parameter


class Session:
    """The token of one server, and the cookie it is exchanged for; both end with the process."""

    def __init__(self, port: int) -> None:
        self.token: Final = secrets.token_urlsafe(24)
        self._secret: Final = secrets.token_urlsafe(32)
        self._cookie: Final = f"kubesum-{port}"
        self._is_redeemed = False

    def is_authenticated(self, request: Request) -> bool:
        """Whether the request has the cookie."""
        return _equal(request.cookies.get(self._cookie, ""), self._secret)

    def redeem(self, request: Request, response: Response) -> None:
        """Sets the cookie in the response to a request with the token, the first time."""
        token = request.query_params.get(TOKEN_PARAMETER, "")
        if self._is_redeemed or not _equal(token, self.token):
            return
        self._is_redeemed = True
        response.set_cookie(self._cookie, self._secret, path="/", httponly=True, samesite="strict")


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
