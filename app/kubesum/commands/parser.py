"""The parser of all commands.

It is the source of what is parsed, of `--help`, and of docs/flags.md. It imports no command, which takes most of a
second.
"""

import argparse

from kubesum import __version__
from kubesum.commands.arguments import Parser
from kubesum.commands.dashboard import flags as dashboard
from kubesum.commands.demo import flags as demo
from kubesum.commands.doctor import flags as doctor
from kubesum.commands.local import flags as local
from kubesum.commands.render import flags as render
from kubesum.commands.rollup import flags as rollup
from kubesum.commands.serve import flags as serve
from kubesum.commands.top import flags as top


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top_level = Parser(
        prog="kubesum",
        description="Summaries of nodes, namespaces, workloads, pods and images, served as Kubernetes objects.",
    )
    top_level.add_argument("--version", action="version", version=f"kubesum {__version__}")
    commands = top_level.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    serve.add(_command(commands, "serve", "serve summaries of the cluster of this pod, behind its API server"))
    local.add(
        _command(
            commands,
            "local",
            "serve summaries of a cluster or of files on this machine, without installing anything",
        )
    )
    demo.add(_command(commands, "demo", "serve summaries of a simulated cluster whose state keeps changing"))
    top.add(_command(commands, "top", "show the summaries of a cluster live in a terminal"))
    dashboard.add(_command(commands, "dashboard", "show the summaries of a cluster live in a browser"))
    doctor.add(_command(commands, "doctor", "check an installation of kubesum, and print how to fix it"))
    rollup.add(_command(commands, "rollup", "check RollupDefinitions, which make kinds of their own"))
    render.add(_command(commands, "render", "print a document that is generated from the declarations"))
    return top_level


def _command(commands: "argparse._SubParsersAction[Parser]", name: str, purpose: str) -> Parser:
    return commands.add_parser(name, help=purpose, description=f"{purpose[:1].upper()}{purpose[1:]}.")
