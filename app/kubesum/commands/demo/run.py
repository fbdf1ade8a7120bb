"""`kubesum demo`, where the simulated cluster is installed: the image leaves it out."""

import argparse
import logging
from importlib.util import find_spec

from kubesum.commands import eventloop
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.server.signals import until_stopped
from kubesum.vocabulary.errors import UsageError


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum demo` with these flags; raises KubesumError."""
    if find_spec("kubesim") is None:
        raise UsageError(
            "demo needs the simulated cluster (package kubesim), which this installation leaves out: "
            "run pip install '.[top]' in a clone of kubesum"
        )
    # The package may be missing.
    from kubesum.commands.demo.simulation import Simulation, demo  # noqa: PLC0415

    set_up_logging(TextFormatter(), logging.WARNING)
    simulation = Simulation(options.nodes, options.pods, options.seed, options.churn)
    eventloop.run(until_stopped(demo(simulation, options.port, options.kubeconfig_out, options.usage_interval)))
