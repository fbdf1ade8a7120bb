"""The version of what is released: `kubesum.__version__` decides, and the rest must agree with it.

As a program, `python -m deploy.release.versions TAG`, it prints what disagrees, and ends with 1 if anything does.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from kubesum import __version__

CHART = Path(__file__).parents[2] / "helm" / "kubesum" / "Chart.yaml"


def main(tag: str) -> int:
    """Prints what disagrees with the version of the package; returns the exit code."""
    found = disagreements({"the tag": tag, **{name: f"v{version}" for name, version in of_the_chart().items()}})
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


def of_the_chart() -> dict[str, str]:
    """The two versions of the chart, by what they are called."""
    chart = yaml.safe_load(CHART.read_text())
    return {"version of the chart": str(chart["version"]), "appVersion of the chart": str(chart["appVersion"])}


def disagreements(tags: Mapping[str, str]) -> list[str]:
    """One sentence for each tag, by what it is of, that is not that of the package."""
    return [
        f"{name} is {tag}, but kubesum.__version__ asks for v{__version__}"
        for name, tag in tags.items()
        if tag != f"v{__version__}"
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
