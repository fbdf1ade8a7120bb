"""The Warning header of responses with stale data, which kubectl prints.

Form: RFC 7234, section 5.5, and k8s.io/apimachinery/pkg/util/net/http.go, NewWarningHeader;
several warnings are one header, separated by commas.
"""

from collections.abc import Iterable
from itertools import groupby

from kubesum.vocabulary.duration import human_duration
from kubesum.vocabulary.resource import Stale


def warnings(stale: Iterable[Stale]) -> str:
    """The value of the Warning header; empty if nothing is stale.

    Kinds of the same age, as after an outage, are one warning.
    """
    oldest_first = sorted((-one.age_s, one.resource) for one in stale)
    texts = [
        f'299 - "data for {", ".join(kind for _, kind in kinds)} is {age} old"'
        for age, kinds in groupby(oldest_first, key=lambda one: human_duration(-one[0]))
    ]
    return ", ".join(texts)
