"""RollupDefinitions as a watched resource: from lists, watches and files."""

from typing import Any, Final

import msgspec

from kubesum.kube.deltas import WatchedResource
from kubesum.kube.objects.meta import Metadata
from kubesum.rollupdefinitions.acceptance import UnreadableDefinition
from kubesum.rollupdefinitions.definition import (
    DEFINITION_GROUP,
    DEFINITION_KIND,
    DEFINITION_PLURAL,
    DEFINITION_VERSION,
    DefinitionMetadata,
    RollupDefinition,
)
from kubesum.rollupdefinitions.problems import Problem, read
from kubesum.rollupdefinitions.status import Status


class DefinitionObject(msgspec.Struct, frozen=True):
    """A RollupDefinition as it is sent: any spec, so that a bad one can be told what is wrong with it."""

    metadata: Metadata
    spec: Any = None
    status: Any = None


def definition_of(found: DefinitionObject) -> RollupDefinition | UnreadableDefinition:
    """The definition, or what is wrong with its spec; a status that is none counts as none."""
    metadata = DefinitionMetadata(
        found.metadata.name,
        found.metadata.uid,
        found.metadata.generation,
        found.metadata.resource_version,
        found.metadata.creation_timestamp,
    )
    status = _status(found.status)
    definition = read({"metadata": {}, "spec": found.spec})
    if isinstance(definition, Problem):
        return UnreadableDefinition(metadata, definition, status)
    return msgspec.structs.replace(definition, metadata=metadata, status=status)


def _status(found: Any) -> Status:
    try:
        return msgspec.convert(found or {}, Status)
    except (msgspec.ValidationError, RecursionError):
        return Status()


WATCHED_DEFINITIONS: Final[WatchedResource[RollupDefinition | UnreadableDefinition]] = WatchedResource(
    DEFINITION_PLURAL, DEFINITION_GROUP, DEFINITION_VERSION, DEFINITION_KIND, DefinitionObject, definition_of
)
