"""How many files and connections the process may have open."""

import logging
import resource
import sys
from typing import Final

log = logging.getLogger(__name__)

RESERVE: Final = 256
"""Descriptors for what is no connection of a client: those to kube-apiserver, some 150 while reviews are slow, files,
the log, and connections that are being closed."""
MOST_CONNECTIONS: Final = 10_000
"""Each takes some 50 KiB, so that a limit of a million descriptors must not be used up."""


def raise_descriptor_limit() -> int:
    """Raises the limit of open files (RLIMIT_NOFILE) as far as the process may; returns it.

    The Go runtime does so too. The limit is low by default only for programs that use select(2), which does not work
    with more than 1024 descriptors.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        log.warning("limit of open files cannot be raised", extra={"limit": soft, "reason": str(error)})
        return soft
    log.info("raised the limit of open files", extra={"before": soft, "limit": hard})
    return hard


def max_connections(wanted: int | None) -> int:
    """How many connections may be open: `wanted`, or else as many as there are descriptors for.

    Raises the limit of open files. It is never more than there are descriptors for.
    """
    most = connections_within(raise_descriptor_limit())
    if wanted is None:
        return min(most, MOST_CONNECTIONS)
    if wanted > most:
        log.warning("--max-connections is more than the limit of open files allows", extra={"allowed": most})
    return min(most, wanted)


def connections_within(descriptors: int) -> int:
    """How many connections there are descriptors for; of few descriptors, half of them."""
    if descriptors == resource.RLIM_INFINITY:
        return sys.maxsize
    return max(1, descriptors - min(RESERVE, descriptors // 2))
