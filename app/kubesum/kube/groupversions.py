"""Discovery of the versions of one API group.

kube-apiserver lists the versions that have an APIService, whether or not the backend of one responds
(k8s.io/kube-aggregator/pkg/apiserver/handler_apis.go, convertToDiscoveryAPIGroup).
"""

from collections.abc import Sequence
from typing import Final

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import decoded
from kubesum.kube.objects.meta import ApiGroup
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError

REFUSED: Final = 403


def path_of(group: str) -> str:
    """The path of the discovery document of a group."""
    return f"/apis/{group}"


def readable_versions(group: ApiGroup, readable: Sequence[str]) -> Sequence[str]:
    """Those of the `readable` versions that a group has, in their order."""
    offered = {one.version for one in group.versions}
    return [version for version in readable if version in offered]


async def offered_versions(
    upstream: Upstream, group: str, readable: Sequence[str], timeout_s: float
) -> Sequence[str]:
    """Those of the `readable` versions that the server offers, in their order; all if discovery is forbidden.

    Raises StatusError, with code 404 for a group that does not exist; UpstreamError also if it has none of them.
    """
    path = path_of(group)
    try:
        found = decoded(await upstream.get(path, {}, timeout_s), ApiGroup, path)
    except StatusError as error:
        if error.code == REFUSED:
            return readable
        raise
    offered = readable_versions(found, readable)
    if not offered:
        others = ", ".join(one.version for one in found.versions) or "no version"
        raise UpstreamError(f"{upstream.host} serves {group} in {others}, and kubesum reads {', '.join(readable)}")
    return offered
