"""Bearer tokens, of which kube-apiserver tells the holders."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final

from kubesum.edge.authn.users import User
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.tls.certpool import InvalidCredentials
from kubesum.kube.reviews import TokenStatus
from kubesum.vocabulary.errors import UpstreamError

MAX_TOKEN_CHARACTERS: Final = 64 * 1024
"""In characters; what is longer is no token."""

Review = Callable[[str], Awaitable[TokenStatus]]


class TokenAuthenticator:
    """The holders of bearer tokens. A token itself is kept nowhere: its digest stands for it."""

    def __init__(self, review: Review, verdicts: ReviewCache[TokenStatus]) -> None:
        """`review` asks who holds a token; raises UpstreamError when nobody answers."""
        self._review: Final = review
        self._verdicts: Final = verdicts

    async def authenticate(self, token: str) -> User:
        """Who holds a token; raises Untrusted if nobody does, or nobody can tell."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise InvalidCredentials("it is too long for a token")
        digest = sha256(token.encode()).digest()
        try:
            status = await self._verdicts.verdict(digest, lambda: self._review(token))
        except UpstreamError as error:
            raise InvalidCredentials(f"its holder cannot be asked for: {error}") from error
        if not status.authenticated or not status.user.username:
            raise InvalidCredentials(status.error or "nobody holds it")
        user = status.user
        return User(user.username, user.groups or (), user.uid, user.extra or {})
