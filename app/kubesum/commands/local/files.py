"""Serves the objects in files."""

from pathlib import Path

from kubesum.commands import definitions
from kubesum.commands.eventloop import Main
from kubesum.commands.local import dumps
from kubesum.commands.local.serving import Defined, Output, Rollups, serve
from kubesum.commands.messages import warn


def serving_files(path: Path, rollups: Rollups, out: Output) -> Main:
    """Serves files until cancelled. Reads them before it returns, where a signal ends the process at once."""
    content = dumps.read(path, rollups.annotations)
    for sentence in content.left_out.sentences():
        warn(sentence)
    defined = {one.metadata.name: one for one in dumps.definitions(content)}
    if rollups.path is not None:
        defined |= {one.metadata.name: one for one in definitions.read(rollups.path)}
    return serve(dumps.list_watches(content), Defined(list(defined.values()), rollups.annotations), out)
