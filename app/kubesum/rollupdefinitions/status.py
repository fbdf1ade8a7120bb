"""The status of a RollupDefinition, as typed structs; its part of the schema is made from them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kubesum.rollupdefinitions.spec import map_by


class DefinitionCondition(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """metav1.Condition."""

    type: Annotated[str, Meta(description="Accepted, NamesAccepted, Established or Truncated.", max_length=316)]
    status: Annotated[Literal["True", "False", "Unknown"], Meta(description="Whether it holds.")]
    reason: Annotated[str, Meta(description="Why, as one word.", max_length=1024)]
    message: Annotated[str, Meta(description="Why, and what to do, in a sentence.", max_length=32768)]
    last_transition_time: Annotated[datetime, Meta(description="Time at which `status` last changed.")]
    observed_generation: Annotated[int, Meta(description="Generation of the definition that it is about.")] = 0


class Status(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the server says of a definition."""

    observed_generation: Annotated[int, Meta(description="Generation of the definition that it is about.")] = 0
    groups: Annotated[int, Meta(description="Number of groups, also of those without a row of their own.")] = 0
    expression_errors: Annotated[
        int, Meta(description="Number of objects for which an expression of the definition fails now.")
    ] = 0
    conditions: Annotated[
        tuple[DefinitionCondition, ...],
        Meta(description="The state of the definition.", max_length=8, extra_json_schema=map_by("type")),
    ] = ()
