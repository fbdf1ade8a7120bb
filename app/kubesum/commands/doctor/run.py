"""Runs all checks of `kubesum doctor`: their results on standard output, an error if one failed."""

import argparse
import logging
from datetime import UTC, datetime
from pathlib import Path

from kubesum.commands import eventloop
from kubesum.doctor.diagnosis import Diagnosis
from kubesum.doctor.report import Report
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.server.signals import until_stopped
from kubesum.vocabulary.errors import UpstreamError


async def diagnose(path: Path | None, context: str | None, namespace: str) -> None:
    """Prints the result of each check; raises UpstreamError if one failed."""
    report = Report(lambda line: print(line, flush=True))
    async with await connect(kubeconfig(path, context)) as upstream:
        await Diagnosis(upstream, report, lambda: datetime.now(UTC)).run(namespace)
    if report.failures:
        raise UpstreamError(f"{report.failures} of {report.checks} checks failed; fix the first, and run this again")


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum doctor` with these flags; raises KubesumError."""
    set_up_logging(TextFormatter(), logging.WARNING)
    eventloop.run(until_stopped(diagnose(options.kubeconfig, options.context, options.namespace)))
