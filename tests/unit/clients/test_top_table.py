"""Sorting, filtering and the cursor of a table."""

from kubesum.kube.deltas import ListStarted, Synced
from tests.unit.clients.topfixtures import arranged, changed, names, node, workload


def test_nodes_are_sorted_by_name_at_first() -> None:
    table = arranged("nodes", node("c"), node("a"), node("b"))

    assert names(table.rows) == ["a", "b", "c"]
    assert (table.column.name, table.descending) == ("NAME", False)


def test_workloads_in_the_worst_health_come_first_and_equals_by_name() -> None:
    healths = {"d": "Healthy", "c": "Degraded", "b": "Progressing", "a": "Suspended", "e": "Degraded", "f": "New"}
    table = arranged("workloads", *(workload(name, health=health) for name, health in healths.items()))

    assert [name.removeprefix("deployment.") for name in names(table.rows)] == ["c", "e", "b", "a", "d", "f"]


def test_sorting_goes_from_column_to_column_and_wraps_around() -> None:
    table = arranged("nodes", node("a", cpu=10), node("b", cpu=90), node("c", cpu=50))
    table.visible_columns = [column for column in table.columns if column.name in ("NAME", "CPU%", "AGE")]

    table.sort_by_next(1)
    table.arrange()
    assert (table.column.name, names(table.rows)) == ("CPU%", ["b", "c", "a"])
    table.reverse()
    table.arrange()
    assert names(table.rows) == ["a", "c", "b"]
    table.sort_by_next(2)
    table.arrange()
    assert (table.column.name, names(table.rows)) == ("NAME", ["a", "b", "c"])
    table.sort_by_next(-1)
    assert table.column.name == "AGE"


def test_sorting_by_the_next_column_starts_again_if_the_current_one_is_hidden() -> None:
    table = arranged("nodes", node("a"))
    table.column = next(column for column in table.columns if column.name == "VERSION")
    table.visible_columns = table.columns[:3]

    table.sort_by_next(1)

    assert table.column.name == "NAME"


def test_nodes_without_a_share_come_last() -> None:
    table = arranged("nodes", node("a", requestsPercent={}), node("b", cpu=0))
    table.visible_columns = [column for column in table.columns if column.name == "CPU%"]
    table.sort_by_next(1)
    table.arrange()

    assert names(table.rows) == ["b", "a"]


def test_a_filter_ignores_case() -> None:
    table = arranged("nodes", node("worker-1"), node("Worker-2", unschedulable=True), node("gpu-1", roles=["gpu"]))

    table.filter = "WORK"
    table.arrange()
    assert names(table.rows) == ["Worker-2", "gpu-1", "worker-1"][::2]
    table.filter = "cordon"
    table.arrange()
    assert names(table.rows) == ["Worker-2"]


def test_the_cursor_stays_at_the_top_until_it_is_moved() -> None:
    table = arranged("nodes", node("b"))

    changed(table.informer, node("a"))
    table.arrange()

    assert names([table.selected]) == ["a"]


def test_the_cursor_follows_its_object() -> None:
    table = arranged("nodes", node("b"), node("c"), node("d"))
    table.move(1)

    changed(table.informer, node("a"))
    table.arrange()

    assert (table.cursor, names([table.selected])) == (2, ["c"])


def test_the_cursor_of_a_removed_object_stays_in_its_place() -> None:
    table = arranged("nodes", node("a"), node("b"), node("c"))
    table.move(2)

    table.informer.apply(ListStarted())
    changed(table.informer, node("a"), node("b"))
    table.informer.apply(Synced())
    table.arrange()

    assert names([table.selected]) == ["b"]


def test_the_cursor_stops_at_both_ends() -> None:
    table = arranged("nodes", node("a"), node("b"))

    table.move(99)
    assert table.cursor == 1
    table.move(-99)
    assert table.cursor == 0


def test_a_table_without_rows_has_no_selected_row() -> None:
    table = arranged("nodes")

    table.move(5)

    assert (table.cursor, table.selected) == (0, None)


def test_scrolling_moves_as_little_as_shows_the_cursor() -> None:
    table = arranged("nodes", *(node(f"n{number}") for number in range(10)))

    assert names(table.visible(4)) == ["n0", "n1", "n2", "n3"]
    table.move(4)
    assert names(table.visible(4)) == ["n1", "n2", "n3", "n4"]
    table.move(-2)
    assert names(table.visible(4)) == ["n1", "n2", "n3", "n4"]
    table.move(-2)
    assert names(table.visible(4)) == ["n0", "n1", "n2", "n3"]
    table.move(9)
    assert names(table.visible(4)) == ["n6", "n7", "n8", "n9"]
    assert names(table.visible(20)) == [f"n{number}" for number in range(10)]
