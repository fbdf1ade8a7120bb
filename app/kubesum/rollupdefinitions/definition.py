"""The custom resource RollupDefinition of kubesum.dev/v1alpha1: its names, and the object with spec and status."""

from datetime import datetime
from typing import Final

import msgspec

from kubesum.rollupdefinitions.spec import Spec
from kubesum.rollupdefinitions.status import Status
from kubesum.vocabulary.resource import ROLLUP_GROUP

DEFINITION_GROUP: Final = "kubesum.dev"
DEFINITION_VERSION: Final = "v1alpha1"
DEFINITION_API_VERSION: Final = f"{DEFINITION_GROUP}/{DEFINITION_VERSION}"
DEFINITION_KIND: Final = "RollupDefinition"
DEFINITION_PLURAL: Final = "rollupdefinitions"


class DefinitionMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of metav1.ObjectMeta that are read."""

    name: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: datetime | None = None


class RollupDefinition(msgspec.Struct, frozen=True, rename="camel"):
    """A definition."""

    metadata: DefinitionMetadata
    spec: Spec
    status: Status = Status()

    @property
    def name(self) -> str:
        """The name of the object, `<plural>.rollup.kubesum.dev`."""
        return self.metadata.name

    @property
    def expected_name(self) -> str:
        """The name that its plural asks for."""
        return f"{self.spec.names.plural}.{ROLLUP_GROUP}"


def definition(found: object) -> RollupDefinition:
    """The definition in a decoded JSON or YAML object; raises msgspec.ValidationError, which names the path."""
    return msgspec.convert(found, RollupDefinition)
