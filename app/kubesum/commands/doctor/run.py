"""Runs all checks of `kubesum doctor`: their results on standard output, an error if one failed.

With --bundle it also collects what a bug report needs, whether checks failed or not.
"""

import argparse
import logging
import sys
import time
from datetime import UTC, datetime
from functools import partial
from typing import TextIO

from kubesum.commands import eventloop
from kubesum.commands.doctor import bundlefile
from kubesum.doctor.bundle.archive import Bundle
from kubesum.doctor.bundle.collection import collect
from kubesum.doctor.bundle.reader import Reader
from kubesum.doctor.cluster import Cluster
from kubesum.doctor.diagnosis import Diagnosis
from kubesum.doctor.report import Report, printable
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import kubeconfig
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.server.signals import until_stopped
from kubesum.vocabulary.errors import UpstreamError


async def diagnose(options: argparse.Namespace) -> None:
    """Prints the result of each check, and writes the bundle; raises UpstreamError if a check failed."""
    if options.bundle is None:
        report = _report(sys.stdout)
        async with await _connected(options) as upstream:
            await Diagnosis(upstream, report, _now).run(options.namespace)
    else:
        report = await _bundled(options)
    if report.failures:
        checks = len(report.results)
        raise UpstreamError(f"{report.failures} of {checks} checks failed; fix the first, and run this again")


async def _bundled(options: argparse.Namespace) -> Report:
    """Writes a bundle, with the results of all checks."""
    path = bundlefile.path_of(options.bundle, _now())
    report = _report(sys.stderr if path == bundlefile.STDOUT else sys.stdout)
    with bundlefile.opened(path) as write:
        async with await _connected(options) as upstream:
            findings = await Diagnosis(upstream, report, _now).run(options.namespace)
            bundle = Bundle(upstream.host, _now())
            await collect(Reader(Cluster(upstream), bundle, time.monotonic), report, findings, options.namespace)
        archive = bundle.archive()
        write(archive)
    for reason, names in bundle.missing_by_reason().items():
        print(printable(f"not in the bundle: {', '.join(names)}: {reason}"), file=sys.stderr)
    if path != bundlefile.STDOUT:
        print(
            f"wrote {path}: {bundle.count} files, {len(archive) / 1024:.0f} KiB; look through it before you send it"
        )
    return report


async def _connected(options: argparse.Namespace) -> Upstream:
    return await connect(kubeconfig(options.kubeconfig, options.context))


def _report(out: TextIO) -> Report:
    return Report(partial(print, file=out, flush=True))


def _now() -> datetime:
    return datetime.now(UTC)


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum doctor` with these flags; raises KubesumError."""
    set_up_logging(TextFormatter(), logging.WARNING)
    eventloop.run(until_stopped(diagnose(options)))
