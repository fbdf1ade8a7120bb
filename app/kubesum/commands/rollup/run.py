"""Runs `kubesum rollup check`: says what is wrong with definitions, and prints the first rows of good ones."""

import argparse
from collections.abc import Sequence

from kubesum.commands import definitions, eventloop
from kubesum.commands.local import dumps
from kubesum.commands.messages import warn
from kubesum.commands.rollup.preview import computed, lines
from kubesum.resources import RESOURCES
from kubesum.rollupdefinitions.acceptance import Acceptance, Verdict
from kubesum.rollupdefinitions.compiling import CompiledDefinition
from kubesum.rollups.store import Store
from kubesum.vocabulary.errors import UsageError


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum rollup check` with these flags; raises KubesumError where a definition is bad."""
    acceptance = Acceptance(RESOURCES, options.rollup_annotations)
    found = definitions.read(options.file)
    verdicts = acceptance.verdicts(found)
    _print_problems(verdicts)
    good = [verdict.compiled for verdict in verdicts if verdict.compiled is not None]
    if options.path is None or not good:
        for one in good:
            print(f"{one.definition.name}: good; it makes the kind {one.resource.kind}")
    else:
        eventloop.run(_print_rows(options, acceptance, found, good))
    _require_all_good(acceptance.verdicts(found))


async def _print_rows(
    options: argparse.Namespace,
    acceptance: Acceptance,
    found: Sequence[definitions.Definition],
    good: Sequence[CompiledDefinition],
) -> None:
    """Prints the first rows over the objects in files, and which of the definitions took too long to compute."""
    content = dumps.read(options.path, options.rollup_annotations)
    for sentence in content.left_out.sentences():
        warn(sentence)
    stores = await computed(dumps.list_watches(content), [one.resource for one in good])
    # Whether expressions are slow is known once they are evaluated.
    verdicts = acceptance.verdicts(found)
    served = [verdict.compiled for verdict in verdicts if verdict.compiled is not None]
    for one, store in zip(good, stores, strict=True):
        if one in served:
            _print_kind(one, store)
    _print_problems([one for one in verdicts if one.metadata.name in {each.definition.name for each in good}])


def _print_kind(one: CompiledDefinition, store: Store) -> None:
    print(f"{one.definition.name}: good; kubectl get {one.resource.plural} would print")
    for line in lines(store):
        print(line)
    if one.failing:
        print(f"{one.definition.name}: an expression fails for {one.failing} of the objects")


def _print_problems(verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        for sentence in definitions.sentences(verdict):
            print(sentence)


def _require_all_good(verdicts: Sequence[Verdict]) -> None:
    bad = sum(verdict.compiled is None for verdict in verdicts)
    if bad:
        raise UsageError(f"{bad} of {len(verdicts)} definitions would not be served, see above")
