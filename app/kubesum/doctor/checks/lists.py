"""A list of every resource, as anybody gets it: through the API server, with its aggregator and its rights."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from kubesum.doctor.cluster import Cluster, said
from kubesum.doctor.remedies import CONFIG_BELOW, cause_of
from kubesum.doctor.report import Report
from kubesum.kube.client import Response
from kubesum.render.rbac import NAME_PREFIX
from kubesum.vocabulary.resource import ComputedResource

_ANONYMOUS: Final = 'User "system:anonymous" cannot'
_WARNING: Final = re.compile(r'299 - "([^"]*)"')


async def lists(
    cluster: Cluster, report: Report, resources: Sequence[ComputedResource], clock: Callable[[], float]
) -> set[str]:
    """Lists one object of each; gives the plurals of those that were answered. `clock` tells seconds that pass."""
    times: dict[str, float] = {}
    failures: dict[str, list[str]] = {}
    warnings: dict[str, None] = {}
    for resource in resources:
        began = clock()
        answer = await cluster.ask(f"/apis/{resource.api_version}/{resource.plural}", limit="1")
        if answer.code == 200:
            times[resource.plural] = clock() - began
            warnings |= dict.fromkeys(_WARNING.findall(" ".join(answer.headers.getall("Warning", ()))))
        elif answer.code == 403 and _ANONYMOUS not in said(answer):
            report.skip(f"list of {resource.plural}: {_denial(resource)}")
        else:
            failures.setdefault(_told(answer), []).append(resource.plural)
    for sentence, plurals in failures.items():
        report.fail(f"list of {', '.join(plurals)}: {sentence}")
    for warning in warnings:
        report.warn(f"lists: {warning}; kubesum does not hear from the API server: see its log")
    if times:
        report.ok(f"list of {', '.join(f'{plural} ({1000 * took:.0f} ms)' for plural, took in times.items())}")
    return set(times)


def _denial(resource: ComputedResource) -> str:
    """What the person may not do, and what would let them."""
    roles = " or ".join(sorted(f"{NAME_PREFIX}{reader.value}" for reader in resource.all_reader_roles))
    where = " in all namespaces" if resource.namespaced else ""
    return f"you may not list them{where}; the ClusterRole {roles} gives it"


def _told(answer: Response) -> str:
    """What an answer other than a list says, and what is behind it."""
    message = said(answer)
    if answer.code == 403:
        # The API server knew who asks, or it had refused.
        return f"kubesum does not believe the API server about who asks; {CONFIG_BELOW}"
    is_of_the_api_server = answer.headers.get("Content-Type", "").startswith("text/plain")
    return f"{answer.code} {message}; {cause_of(message)}" if is_of_the_api_server else f"{answer.code} {message}"
