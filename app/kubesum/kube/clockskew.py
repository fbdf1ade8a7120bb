"""How far the clock here is from that of the API server, as the Date of its responses tells (RFC 9110, 6.6.1)."""

import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from kubesum.operations.metrics import CLOCK_SKEW

LONGEST_REQUEST_S: Final = 1.0
"""What took longer says too little about the moment at which its Date was written."""


def observe_clock_skew(date: str, took_s: float) -> None:
    """Sets the metric by the Date of a response whose head has just arrived, `took_s` seconds after the request."""
    if took_s > LONGEST_REQUEST_S:
        return
    try:
        written = parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        # Absent, or written by a proxy.
        return
    received = time.time()
    CLOCK_SKEW.set(clock_skew_s(written, received - took_s, received))


def clock_skew_s(date: float, sent: float, received: float) -> float:
    """By how many seconds the clock here is ahead at least; 0 if the two may be equal, negative if it is behind.

    `date` is in whole seconds of the API server's clock: it was written within the second that follows. `sent` and
    `received` are of the clock here. All are in seconds since 1970.
    """
    if sent > date + 1:
        return sent - (date + 1)
    return min(0.0, received - date)
