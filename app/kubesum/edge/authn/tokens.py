"""Bearer tokens, authenticated by TokenReview."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Final

from kubesum.api.representations.status import RETRY_SOON
from kubesum.edge.authn.users import User
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.tls.certpool import InvalidCredentials
from kubesum.kube.reviews import TokenStatus
from kubesum.operations.metrics import REQUESTS_REFUSED
from kubesum.vocabulary.errors import TooManyRequests, UpstreamError

MAX_TOKEN_CHARACTERS: Final = 64 * 1024
MAX_WAITING: Final = 500
"""Requests that wait for a TokenReview. They come before all limits by user, and each holds a connection."""

Review = Callable[[str], Awaitable[TokenStatus]]


class TokenAuthenticator:
    """Authenticates bearer tokens. A token is cached by its SHA-256 and stored nowhere."""

    def __init__(self, review: Review, cache: ReviewCache[TokenStatus], max_waiting: int = MAX_WAITING) -> None:
        """`review` sends a TokenReview; it raises UpstreamError when kube-apiserver does not answer.

        At most `max_waiting` requests wait for one.
        """
        self._review: Final = review
        self._cache: Final = cache
        self._max_waiting: Final = max_waiting
        self._waiting = 0

    async def authenticate(self, token: str) -> User:
        """The user of a token; raises InvalidCredentials if there is none, or the review fails.

        Raises TooManyRequests if as many requests as may be wait for reviews, and this one would have to.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise InvalidCredentials("it is too long for a token")
        digest = sha256(token.encode()).digest()
        try:
            status = self._cache.cached(digest) or await self._reviewed(digest, token)
        except UpstreamError as error:
            raise InvalidCredentials(f"the TokenReview failed: {error}") from error
        if not status.authenticated or not status.user.username:
            raise InvalidCredentials(status.error or "kube-apiserver does not accept it")
        user = status.user
        return User(user.username, user.groups or (), user.uid, user.extra or {})

    async def _reviewed(self, digest: bytes, token: str) -> TokenStatus:
        if self._waiting >= self._max_waiting:
            REQUESTS_REFUSED.labels("authentication").inc()
            raise TooManyRequests("Too many requests, please try again later.", RETRY_SOON)
        self._waiting += 1
        try:
            return await self._cache.get(digest, lambda: self._review(token))
        finally:
            self._waiting -= 1
