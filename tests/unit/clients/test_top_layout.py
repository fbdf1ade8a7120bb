"""The columns that fit on terminals of different widths."""

from kubesum.clients.model.cells import Column
from kubesum.clients.model.columns import NODES
from kubesum.clients.terminal.layout import fitting_columns


def made(
    name: str, width: int, max_width: int = 0, *, priority: int = 0, gauge: bool = False, optional: bool = False
) -> Column:
    """A column of which only the place matters."""
    return Column(
        name=name,
        cell=lambda row, _now: row,
        sort_key=lambda _: 0,
        width=width,
        max_width=max_width,
        priority=priority,
        gauge=gauge,
        optional=optional,
    )


COLUMNS = (
    made("NAME", 4, 10),
    made("EXTRA", 5, priority=2),
    made("BAR", 6, 9, gauge=True),
    made("SIDE", 4, priority=1),
)


def widths(width: int, longest: dict[str, int], columns: tuple[Column, ...] = COLUMNS) -> dict[str, int]:
    return {one.column.name: one.width for one in fitting_columns(columns, width, longest)}


def test_a_narrow_terminal_shows_columns_of_priority_0() -> None:
    assert widths(11, {"NAME": 4}) == {"NAME": 4, "BAR": 6}
    assert widths(3, {"NAME": 4}) == {"NAME": 4, "BAR": 6}


def test_columns_are_added_by_priority_and_stay_in_order() -> None:
    assert widths(16, {"NAME": 4}) == {"NAME": 4, "BAR": 6, "SIDE": 4}
    assert list(widths(22, {"NAME": 4})) == ["NAME", "EXTRA", "BAR", "SIDE"]


def test_names_are_shown_whole_before_more_columns_are() -> None:
    assert widths(16, {"NAME": 8}) == {"NAME": 8, "BAR": 7}
    assert widths(20, {"NAME": 8}) == {"NAME": 8, "BAR": 6, "SIDE": 4}


def test_a_priority_that_does_not_fit_leaves_its_room_to_the_next() -> None:
    columns = (made("NAME", 4), made("BROAD", 9, priority=1), made("SLIM", 3, priority=2))

    assert widths(8, {}, columns) == {"NAME": 4, "SLIM": 3}


def test_a_long_name_grows_to_its_greatest_width_before_columns_are_added() -> None:
    assert widths(28, {"NAME": 99}) == {"NAME": 10, "EXTRA": 5, "BAR": 6, "SIDE": 4}


def test_the_remaining_room_goes_to_cut_names_and_then_to_bars() -> None:
    assert widths(33, {"NAME": 99}) == {"NAME": 15, "EXTRA": 5, "BAR": 6, "SIDE": 4}
    assert widths(33, {"NAME": 13}) == {"NAME": 13, "EXTRA": 5, "BAR": 8, "SIDE": 4}


def test_two_growing_columns_share_the_room() -> None:
    columns = (made("A", 2, 20), made("B", 2, 20))

    assert widths(12, {"A": 9, "B": 9}, columns) == {"A": 6, "B": 5}
    assert widths(12, {"A": 3, "B": 9}, columns) == {"A": 3, "B": 8}


def test_an_optional_column_without_any_text_is_left_out() -> None:
    columns = (made("A", 2), made("B", 2, optional=True))

    assert widths(20, {"A": 1}, columns) == {"A": 2}
    assert widths(20, {"A": 1, "B": 1}, columns) == {"A": 2, "B": 2}


def test_every_node_column_fits_a_very_wide_terminal_and_the_first_ones_a_small_one() -> None:
    longest = {column.name: 5 for column in NODES}

    assert len(fitting_columns(NODES, 220, longest)) == len(NODES)
    assert sum(one.width + 1 for one in fitting_columns(NODES, 80, longest)) - 1 <= 80
