"""The Warning header of stale data."""

from kubesum.api.representations.warnings import warnings
from kubesum.vocabulary.resource import Stale


def test_fresh_data_have_no_warning() -> None:
    assert warnings([]) == ""


def test_stale_data_have_a_warning_with_their_age() -> None:
    """Section 6.3"""
    assert warnings([Stale("pods", 240.0)]) == '299 - "data for pods is 4m old"'


def test_kinds_of_the_same_age_share_a_warning() -> None:
    stale = [Stale("pods", 240.0), Stale("nodes", 45.0), Stale("jobs", 240.1)]

    assert warnings(stale) == '299 - "data for jobs, pods is 4m old", 299 - "data for nodes is 45s old"'
