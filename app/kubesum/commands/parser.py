"""The parser of all commands.

One declaration is what is parsed, what `--help` prints and what the page of all flags shows. Nothing here loads more
than it needs: the commands themselves take most of a second.
"""

import argparse

from kubesum import __version__
from kubesum.commands.arguments import Parser
from kubesum.commands.demo import flags as demo
from kubesum.commands.doctor import flags as doctor
from kubesum.commands.local import flags as local
from kubesum.commands.render import flags as render
from kubesum.commands.serve import flags as serve
from kubesum.commands.top import flags as top


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = Parser(prog="kubesum", description="Answers about many pods at once, served as Kubernetes objects.")
    whole.add_argument("--version", action="version", version=f"kubesum {__version__}")
    of = whole.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    serve.add(_command(of, "serve", "serve the cluster that this pod runs in, behind its API server"))
    local.add(_command(of, "local", "look at a cluster or at files from here, with nothing installed in the cluster"))
    demo.add(_command(of, "demo", "try it on a simulated cluster that lives"))
    top.add(_command(of, "top", "look at a cluster that kubesum serves, live in a terminal"))
    doctor.add(_command(of, "doctor", "say what keeps an installation of kubesum from working"))
    render.add(_command(of, "render", "print what is generated from the declarations"))
    return whole


def _command(of: "argparse._SubParsersAction[Parser]", name: str, purpose: str) -> argparse.ArgumentParser:
    return of.add_parser(name, help=purpose, description=f"{purpose[:1].upper()}{purpose[1:]}.")
