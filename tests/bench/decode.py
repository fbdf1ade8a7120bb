"""The floor of a sync: processor seconds to decode the lists of all watched kinds into their typed views.

Prints one line of JSON.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources

T = TypeVar("T")


class ObjectList(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A list of one kind."""

    items: tuple[T, ...] = ()


def main() -> None:
    """Decodes the lists in a folder, each in a file named after its kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--core", type=int, required=True, help="processor to run on")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    seconds = 0.0
    for kind in watched_resources(Interner()):
        view: Any = kind.view
        decoder = msgspec.json.Decoder(ObjectList[view])
        body = (options.folder / f"{kind.resource}.json").read_bytes()
        began = time.process_time()
        decoder.decode(body)
        seconds += time.process_time() - began
    print(json.dumps({"cpu_s": seconds}))


if __name__ == "__main__":
    main()
