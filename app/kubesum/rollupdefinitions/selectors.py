"""Label selectors of definitions: metav1.LabelSelector as a predicate on labels.

Semantics: k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go, LabelSelectorAsSelector.
"""

from collections.abc import Callable, Mapping

from kubesum.rollupdefinitions.spec import LabelSelector, Requirement

Predicate = Callable[[Mapping[str, str]], bool]


def predicate(selector: LabelSelector) -> Predicate | None:
    """Whether labels are selected; None for a selector that selects everything."""
    wanted = tuple(selector.match_labels.items())
    requirements = tuple(map(_requirement, selector.match_expressions))
    if not wanted and not requirements:
        return None

    def selected(labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in wanted) and all(one(labels) for one in requirements)

    return selected


def _requirement(requirement: Requirement) -> Predicate:
    key, values = requirement.key, frozenset(requirement.values)
    match requirement.operator:
        case "In":
            return lambda labels: labels.get(key) in values
        case "NotIn":
            return lambda labels: labels.get(key) not in values
        case "Exists":
            return lambda labels: key in labels
    return lambda labels: key not in labels
