"""What a command prints for the person who ran it."""

import shlex
import sys
from pathlib import Path

from kubesum.commands.top.extra import is_installed


def announce(shown: Path, arguments: str) -> None:
    """Prints the kubectl command that reads from this server, with the kubeconfig at `shown`."""
    print(f"ready: kubectl --kubeconfig {shlex.quote(str(shown))} {arguments}", flush=True)


def offer_top(shown: Path) -> None:
    """Prints the command that shows the cluster live, as this program was called, if it can draw here."""
    called = sys.argv[0] if Path(sys.argv[0]).name == "kubesum" else "kubesum"
    if is_installed():
        print(f"live: {shlex.quote(called)} top --kubeconfig {shlex.quote(str(shown))}", flush=True)


def tell(sentence: str) -> None:
    """Prints a sentence on stderr."""
    print(f"kubesum: {sentence}", file=sys.stderr, flush=True)
