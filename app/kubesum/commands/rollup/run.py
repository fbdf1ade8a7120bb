"""Runs `kubesum rollup check`: says what is wrong with definitions, and prints the first rows of good ones."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from kubesum.commands import definitions, eventloop
from kubesum.commands.local import dumps
from kubesum.commands.messages import warn
from kubesum.commands.rollup.preview import computed, lines
from kubesum.resources import RESOURCES
from kubesum.rollupdefinitions.acceptance import Acceptance, Verdict
from kubesum.rollupdefinitions.compiling import CompiledDefinition
from kubesum.vocabulary.errors import UsageError


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum rollup check` with these flags; raises KubesumError where a definition is bad."""
    verdicts = Acceptance(RESOURCES, options.rollup_annotations).verdicts(definitions.read(options.file))
    for verdict in verdicts:
        for sentence in definitions.sentences(verdict):
            print(sentence)
    good = [verdict.compiled for verdict in verdicts if verdict.compiled is not None]
    if options.path is not None and good:
        eventloop.run(_print_rows(options.path, options.rollup_annotations, good))
    else:
        for one in good:
            print(f"{one.definition.name}: good; it makes the kind {one.resource.kind}")
    _require_all_good(verdicts, len(good))


async def _print_rows(path: Path, annotations: Sequence[str], good: Sequence[CompiledDefinition]) -> None:
    content = dumps.read(path, annotations)
    for sentence in content.left_out.sentences():
        warn(sentence)
    stores = await computed(dumps.list_watches(content), [one.resource for one in good])
    for one, store in zip(good, stores, strict=True):
        print(f"{one.definition.name}: good; kubectl get {one.resource.plural} would print")
        for line in lines(store):
            print(line)
        if one.failing:
            print(f"{one.definition.name}: an expression fails for {one.failing} of the objects")


def _require_all_good(verdicts: Sequence[Verdict], good: int) -> None:
    bad = len(verdicts) - good
    if bad:
        raise UsageError(f"{bad} of {len(verdicts)} definitions would not be served, see above")
