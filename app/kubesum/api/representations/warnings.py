"""Warnings: what a person should know of an answer that is given all the same.

kubectl prints them. Form: RFC 7234, section 5.5, and k8s.io/apimachinery/pkg/util/net/http.go, NewWarningHeader;
several are one header with commas between them.
"""

from collections.abc import Iterable
from itertools import groupby

from kubesum.vocabulary.duration import human_duration
from kubesum.vocabulary.resource import Stale


def warnings(stale: Iterable[Stale], now: float) -> str:
    """The value of the header Warning for data of such age at `now`, in seconds since 1970; empty without any.

    Kinds that are equally old, as after an outage, are told in one sentence.
    """
    oldest_first = sorted((one.last_event_at, one.resource) for one in stale)
    told = [
        f'299 - "data for {", ".join(kind for _, kind in kinds)} is {age} old"'
        for age, kinds in groupby(oldest_first, key=lambda one: human_duration(now - one[0]))
    ]
    return ", ".join(told)
