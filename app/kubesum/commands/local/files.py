"""Serves the objects in files."""

from pathlib import Path

from kubesum.commands import definitions
from kubesum.commands.eventloop import Main
from kubesum.commands.local import dumps
from kubesum.commands.local.serving import Output, serve
from kubesum.commands.messages import warn


def serving_files(path: Path, rollups: Path | None, out: Output) -> Main:
    """Serves files until cancelled. Reads them before it returns, where a signal ends the process at once."""
    content = dumps.read(path)
    for sentence in content.left_out.sentences():
        warn(sentence)
    defined = {one.metadata.name: one for one in dumps.definitions(content)}
    if rollups is not None:
        defined |= {one.metadata.name: one for one in definitions.read(rollups)}
    return serve(dumps.list_watches(content), list(defined.values()), out)
