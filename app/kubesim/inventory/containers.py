"""Shorthand for containers and the resources they request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kubesim.model.podtemplates import ContainerTemplate


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """Requests and limits of a container; `more` are other resources, by name.

    What is empty is not stated. Limits of `more` equal the requests, except for ephemeral-storage, which has none.
    """

    cpu: str = ""
    memory: str = ""
    cpu_limit: str = ""
    memory_limit: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def requests(self) -> dict[str, str]:
        """resources.requests."""
        stated = {"cpu": self.cpu, "memory": self.memory}
        return {name: text for name, text in stated.items() if text} | dict(self.more)

    @property
    def limits(self) -> dict[str, str]:
        """resources.limits."""
        stated = {"cpu": self.cpu_limit, "memory": self.memory_limit}
        # Kubernetes demands it of extended resources and huge pages.
        equal = {name: text for name, text in self.more.items() if name != "ephemeral-storage"}
        return {name: text for name, text in stated.items() if text} | equal


def container(name: str, image: str, resources: Resources = Resources(), *, slim: bool = False) -> ContainerTemplate:
    """A container; a slim one has neither environment nor probes."""
    return ContainerTemplate(name=name, image=image, requests=resources.requests, limits=resources.limits, slim=slim)


def sidecar(name: str, image: str, resources: Resources) -> ContainerTemplate:
    """An init container that keeps running."""
    return replace(container(name, image, resources, slim=True), sidecar=True)


def burstable(cpu: str, memory: str, memory_limit: str = "") -> Resources:
    """Requests of cpu and memory, and at most a limit of memory."""
    return Resources(cpu=cpu, memory=memory, memory_limit=memory_limit)


def guaranteed(cpu: str, memory: str) -> Resources:
    """Limits that equal the requests."""
    return Resources(cpu=cpu, memory=memory, cpu_limit=cpu, memory_limit=memory)
