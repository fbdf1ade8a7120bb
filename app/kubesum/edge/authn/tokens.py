"""Bearer tokens, authenticated by TokenReview."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final

from kubesum.edge.authn.users import User
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.tls.certpool import InvalidCredentials
from kubesum.kube.reviews import TokenStatus
from kubesum.vocabulary.errors import UpstreamError

MAX_TOKEN_CHARACTERS: Final = 64 * 1024

Review = Callable[[str], Awaitable[TokenStatus]]


class TokenAuthenticator:
    """Authenticates bearer tokens. A token is cached by its SHA-256 and stored nowhere."""

    def __init__(self, review: Review, cache: ReviewCache[TokenStatus]) -> None:
        """`review` sends a TokenReview; it raises UpstreamError when kube-apiserver does not answer."""
        self._review: Final = review
        self._cache: Final = cache

    async def authenticate(self, token: str) -> User:
        """The user of a token; raises InvalidCredentials if there is none, or the review fails."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise InvalidCredentials("it is too long for a token")
        digest = sha256(token.encode()).digest()
        try:
            status = await self._cache.get(digest, lambda: self._review(token))
        except UpstreamError as error:
            raise InvalidCredentials(f"the TokenReview failed: {error}") from error
        if not status.authenticated or not status.user.username:
            raise InvalidCredentials(status.error or "kube-apiserver does not accept it")
        user = status.user
        return User(user.username, user.groups or (), user.uid, user.extra or {})
