"""Checks a list of every resource, as any user requests it: through the aggregation layer, with the user's RBAC."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from kubesum.doctor.cluster import Cluster, message_of
from kubesum.doctor.remedies import SEE_CONFIG, remedy
from kubesum.doctor.report import Report
from kubesum.kube.client import Response
from kubesum.render.rbac import NAME_PREFIX
from kubesum.vocabulary.resource import ComputedResource

_ANONYMOUS: Final = 'User "system:anonymous" cannot'
_WARNING: Final = re.compile(r'299 - "([^"]*)"')


async def check_lists(
    cluster: Cluster, report: Report, resources: Sequence[ComputedResource], clock: Callable[[], float]
) -> set[str]:
    """Lists one object of each resource; gives the plurals of the resources that were served.

    `clock` gives monotonic seconds.
    """
    times: dict[str, float] = {}
    failures: dict[str, list[str]] = {}
    warnings: dict[str, None] = {}
    for resource in resources:
        began = clock()
        answer = await cluster.ask(f"/apis/{resource.api_version}/{resource.plural}", limit="1")
        if answer.code == 200:
            times[resource.plural] = clock() - began
            warnings |= dict.fromkeys(_WARNING.findall(" ".join(answer.headers.getall("Warning", ()))))
        elif answer.code == 403 and _ANONYMOUS not in message_of(answer):
            report.skip(f"list of {resource.plural}: {_denial(resource)}")
        else:
            failures.setdefault(_failure(answer), []).append(resource.plural)
    for message, plurals in failures.items():
        report.fail(f"list of {', '.join(plurals)}: {message}")
    for warning in warnings:
        report.warn(f"lists: {warning}; kubesum's watches of the API server fail: see its log")
    if times:
        report.ok(f"list of {', '.join(f'{plural} ({1000 * took:.0f} ms)' for plural, took in times.items())}")
    return set(times)


def _denial(resource: ComputedResource) -> str:
    """That the user may not list a resource, and the ClusterRole that would grant it."""
    roles = " or ".join(sorted(f"{NAME_PREFIX}{reader.value}" for reader in resource.all_reader_roles))
    where = " in all namespaces" if resource.namespaced else ""
    return f"you may not list them{where}; the ClusterRole {roles} grants it"


def _failure(answer: Response) -> str:
    """The message of a response other than a list, and what to do about it."""
    message = message_of(answer)
    if answer.code == 403:
        # The API server authenticated the user, or it would have answered itself.
        return f"kubesum treats the user as anonymous, because it does not accept the front proxy; {SEE_CONFIG}"
    is_of_the_api_server = answer.headers.get("Content-Type", "").startswith("text/plain")
    return f"{answer.code} {message}; {remedy(message)}" if is_of_the_api_server else f"{answer.code} {message}"
