"""Figures of the benchmark: as text, as JSON, and beside those of another run."""

from pathlib import Path

from tests.bench.compare import compared
from tests.bench.figures import Figure, load, quantile, save, text
from tests.bench.report import report

CPU = Figure("CPU of an event", 120.0, "us", 150)
EVENTS = Figure("events sustained", 9_000.0, "1/s", 10_000, more_is_better=True)


def test_a_figure_is_printed_beside_its_goal() -> None:
    assert text(CPU).split("  ", 1)[1].split() == ["120", "us", "at", "most", "150"]
    assert text(EVENTS).split("  ", 1)[1].split() == ["9,000", "1/s", "at", "least", "10,000", "MISSED"]


def test_saved_figures_are_read_as_they_were(tmp_path: Path) -> None:
    save(tmp_path / "runs" / "a.json", {"commit": "abc"}, [CPU, EVENTS])

    assert load(tmp_path / "runs" / "a.json") == {CPU.name: CPU, EVENTS.name: EVENTS}


def test_two_runs_are_compared_where_both_have_a_figure() -> None:
    old = {CPU.name: Figure("CPU of an event", 480.0, "us", 150), "only before": Figure("only before", 1.0, "s")}
    new = {CPU.name: CPU, EVENTS.name: EVENTS}

    assert compared(old, new).split() == [
        *("CPU", "of", "an", "event", "480", "120", "us", "x", "0.25"),
        *("(goal", "150:", "met)"),
    ]


def test_a_run_is_a_table_in_markdown() -> None:
    assert list(report([CPU, EVENTS, Figure("a ratio", 1.5, "")]))[2:] == [
        "| CPU of an event | 120 us | 150 |",
        "| events sustained | 9,000 1/s | 10,000, missed |",
        "| a ratio | 1.50 |  |",
    ]


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 101)]

    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99)) == (51.0, 100.0, 7.0)
