"""The flags of `kubesum rollup`."""

import argparse
from pathlib import Path

from kubesum.commands import sharedflags


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum rollup`."""
    command.add_argument(
        "action", choices=("check",), help="check: say what is wrong with each definition, and what mends it"
    )
    command.add_argument("file", metavar="FILE", type=Path, help="file or folder of RollupDefinitions")
    command.add_argument(
        "--from",
        dest="path",
        metavar="PATH",
        type=Path,
        help="file, archive or directory of Kubernetes objects, of which the first rows are printed as kubectl does",
    )
    sharedflags.rollup_annotations(command)
