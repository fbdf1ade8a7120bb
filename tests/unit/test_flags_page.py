"""docs/flags.md is generated from the parser, and invalid values are errors of one line."""

from pathlib import Path

import pytest

from kubesum.commands.parser import parser
from kubesum.commands.render.flagspage import reference

PAGE = Path(__file__).parents[2] / "docs" / "flags.md"


def test_the_page_is_generated() -> None:
    assert PAGE.read_text() == reference() + "\n", "make generate"


def test_a_flag_has_its_value_and_its_default() -> None:
    line = (
        "| `--tls-secret NAME` | Secret that stores the self-signed CA and certificate; unused with --tls-cert-file "
        "(default: kubesum-tls). |"
    )

    assert line in PAGE.read_text().splitlines()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["demo", "--pods", "10000000"],
            "argument --pods: 10000000 is more than 150000, the most that a Kubernetes cluster has",
        ),
        (
            ["demo", "--nodes", "5001"],
            "argument --nodes: 5001 is more than 5000, the most that a Kubernetes cluster has",
        ),
        (["serve", "--secure-port", "70000"], "argument --secure-port: '70000' is not a number from 0 to 65535"),
        (
            ["serve", "--shutdown-delay-duration", "soon"],
            "argument --shutdown-delay-duration: 'soon' is not a duration such as 10s or 1m30s",
        ),
        (
            ["serve", "--authorization-always-allow-paths", "/livez,metrics"],
            "argument --authorization-always-allow-paths: 'metrics' is not a path: it must begin with /",
        ),
        (
            ["serve", "--user-share-percent", "0"],
            "argument --user-share-percent: '0' is not a whole number from 1 to",
        ),
        (["serve", "--memory-limit", "much"], "argument --memory-limit: 'much' is not a quantity of memory such as"),
        (["serve", "--memory-limit", "512m"], "argument --memory-limit: '512m' is less than 64Mi"),
        (["serve", "--memory-limit=-1Gi"], "argument --memory-limit: '-1Gi' is not a quantity of memory such as"),
        (["serve", "--tls-secret", "../x"], "argument --tls-secret: '../x' is not a name of a Kubernetes object"),
        (["serve", "--namespace", "Kube"], "argument --namespace: 'Kube' is not a name of a Kubernetes object"),
        (["serve", "--max-connections", "0"], "argument --max-connections: '0' is not a positive integer"),
        (["demo", "--usage-interval", "10ms"], "argument --usage-interval: '10ms' is neither 0 nor a duration of at"),
    ],
)
def test_an_invalid_value_is_an_error_of_one_line(
    arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)

    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"kubesum {arguments[0]}: {error}")
