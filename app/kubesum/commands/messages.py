"""What `local` and `demo` print for the user who started them."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from kubesum.commands.top.extra import is_installed
from kubesum.vocabulary.errors import UsageError


def print_ready(kubeconfig: Path, arguments: str) -> None:
    """Prints a kubectl command to try, with the kubeconfig of this server."""
    _print(f"ready: {shlex.quote(_kubectl())} --kubeconfig {shlex.quote(str(kubeconfig))} {arguments}")


def _kubectl() -> str:
    """The kubectl of the PATH, or else the one that `make setup` installs beside kubesum."""
    beside = Path(sys.argv[0]).with_name("kubectl")
    return str(beside) if beside.is_file() and not shutil.which("kubectl") else "kubectl"


def print_top(kubeconfig: Path) -> None:
    """Prints the command that shows the cluster live, if textual is installed."""
    # As this program was started: kubesum may not be on the PATH.
    program = sys.argv[0] if Path(sys.argv[0]).name == "kubesum" else "kubesum"
    if is_installed():
        _print(f"live: {shlex.quote(program)} top --kubeconfig {shlex.quote(str(kubeconfig))}")


def print_dashboard(url: str) -> None:
    """Prints the address of the page; it holds the one-time token."""
    _print(f"dashboard: {url}")


def _print(line: str) -> None:
    """Prints a line; raises UsageError if standard output was closed, such as by `head -1`."""
    try:
        print(line, flush=True)
    except BrokenPipeError as error:
        # Python flushes stdout once more when it ends, which must not fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UsageError("standard output was closed before all lines were printed") from error


def warn(message: str) -> None:
    """Prints a message on stderr."""
    print(f"kubesum: {message}", file=sys.stderr, flush=True)
