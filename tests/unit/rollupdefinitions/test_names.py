"""Names that two definitions want, or that something else has."""

import pytest

from kubesum.resources import RESOURCES
from kubesum.rollupdefinitions.acceptance import Acceptance
from kubesum.rollupdefinitions.definition import definition
from tests.unit.rollupdefinitions.samples import named


def conflicts(*kinds: str) -> list[str]:
    """What is wrong with the names of the definitions of these kinds, none of which is established."""
    found = [definition(named(f"plural{at}", kind)) for at, kind in enumerate(kinds)]
    verdicts = Acceptance(RESOURCES, ()).verdicts(found)
    return [one.conflict.what for one in verdicts if one.conflict is not None]


@pytest.mark.parametrize("kind", ["TeamStatus", "TeamKey", "TeamList"])
def test_a_kind_is_not_named_as_a_schema_of_another(kind: str) -> None:
    """OpenAPI has one schema of each name in a group: the other kind would be explained by it."""
    assert conflicts("Team", kind) == [f"'{kind}' is a name of plural0.rollup.kubesum.dev already"]


def test_a_kind_is_not_named_as_a_schema_of_the_group() -> None:
    assert conflicts("ObjectMeta") == ["'ObjectMeta' is a name of a schema of OpenAPI already"]
