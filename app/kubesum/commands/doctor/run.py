"""The command: one examination, its lines on standard output, its verdict as the exit code."""

import argparse
import logging
from datetime import UTC, datetime
from pathlib import Path

from kubesum.commands import eventloop
from kubesum.doctor.diagnosis import Examination
from kubesum.doctor.report import Report
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.server.signals import until_stopped
from kubesum.vocabulary.errors import UpstreamError


async def examine(path: Path | None, context: str | None, namespace: str) -> None:
    """Prints how each check went; raises UpstreamError if something is broken."""
    report = Report(lambda line: print(line, flush=True))
    async with await connect(kubeconfig(path, context)) as upstream:
        await Examination(upstream, report, lambda: datetime.now(UTC)).run(namespace)
    if report.failures:
        raise UpstreamError(f"{report.failures} of {report.checks} checks failed; mend the first, and run this again")


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum doctor` with these flags; raises KubesumError."""
    set_up_logging(TextFormatter(), logging.WARNING)
    eventloop.run(until_stopped(examine(options.kubeconfig, options.context, options.namespace)))
