"""Serves the objects in files."""

from pathlib import Path

from kubesum.commands.eventloop import Main
from kubesum.commands.local import dumps
from kubesum.commands.local.serving import serve
from kubesum.commands.messages import warn


def serving_files(path: Path, port: int, kubeconfig_out: Path | None) -> Main:
    """Serves files until cancelled. Reads them before it returns, where a signal ends the process at once."""
    content = dumps.read(path)
    for sentence in content.left_out.sentences():
        warn(sentence)
    return serve(dumps.list_watches(content), port, kubeconfig_out)
