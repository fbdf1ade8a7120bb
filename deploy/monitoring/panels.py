"""Panels of Grafana dashboards, and how they are laid out: rows of panels from left to right, 24 columns wide.

grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

JsonObject = dict[str, Any]

WIDTH: Final = 24
SCHEMA_VERSION: Final = 42
"""Of Grafana 12 (apps/dashboard/pkg/migration/schemaversion in its repository); newer versions migrate it."""
PROMETHEUS: Final[JsonObject] = {"type": "prometheus", "uid": "${datasource}"}
INFINITY: Final[JsonObject] = {"type": "yesoreyeram-infinity-datasource", "uid": "${datasource}"}
REFRESH: Final = "30s"
MIN_STEP: Final = "1m"
"""At least how far apart points are, and a quarter of $__rate_interval: the interval of the chart's ServiceMonitor.

Without it, Grafana takes the interval of the data source, whose default of 15 s makes rates over one sample.
"""


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and the name of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: `body` is its JSON without the place, which is `width` columns and `height` lines."""

    body: JsonObject
    width: int
    height: int

    def one_of(self, number: int) -> "Panel":
        """The same as one of so many in a line."""
        return Panel(self.body, WIDTH // number, self.height)


def stat(
    title: str, help_: str, query: Query, unit: str = "short", steps: Sequence[tuple[str, float | None]] = ()
) -> Panel:
    """A number; `steps` are colors and the values from which they hold."""
    options = {
        "colorMode": "value" if steps else "none",
        "graphMode": "area",
        "reduceOptions": {"calcs": ["lastNotNull"]},
    }
    body = _panel("stat", title, help_, [query], unit)
    body["options"] = options
    if steps:
        body["fieldConfig"]["defaults"]["thresholds"] = _thresholds(steps)
    return Panel(body, 4, 4)


def series(title: str, help_: str, queries: Sequence[Query], unit: str = "short", *, stacked: bool = False) -> Panel:
    """Lines over time."""
    body = _panel("timeseries", title, help_, queries, unit)
    custom: JsonObject = {"lineWidth": 2, "fillOpacity": 25 if stacked else 5, "showPoints": "never"}
    if stacked:
        custom["stacking"] = {"mode": "normal", "group": "A"}
    body["fieldConfig"]["defaults"] |= {"custom": custom, "min": 0}
    body["options"] = {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(body, WIDTH // 2, 8)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table: its expression has one series for each row."""

    name: str
    expr: str
    unit: str = "short"
    is_gauge: bool = False


def table(title: str, help_: str, key: str, columns: Sequence[TableColumn]) -> Panel:
    """A table with one row for each value of the label `key`."""
    letters = [chr(ord("A") + at) for at in range(len(columns))]
    targets = [
        {"refId": letter, "expr": column.expr, "format": "table", "instant": True, "datasource": PROMETHEUS}
        for letter, column in zip(letters, columns, strict=True)
    ]
    names = {f"Value #{letter}": column.name for letter, column in zip(letters, columns, strict=True)}
    body = _panel("table", title, help_, (), "short")
    body["targets"] = targets
    body["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": {key: key.title(), **names}}},
    ]
    body["fieldConfig"]["overrides"] = [_override(column) for column in columns]
    body["options"] = {"showHeader": True, "sortBy": [{"displayName": columns[0].name, "desc": True}]}
    return Panel(body, WIDTH, 10)


def _override(column: TableColumn) -> JsonObject:
    properties: list[JsonObject] = [{"id": "unit", "value": column.unit}]
    if column.is_gauge:
        properties += [
            {"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic"}},
            {"id": "min", "value": 0},
            {"id": "max", "value": 1},
            {"id": "thresholds", "value": _thresholds((("green", None), ("orange", 0.8), ("red", 0.95)))},
        ]
    return {"matcher": {"id": "byName", "options": column.name}, "properties": properties}


def _thresholds(steps: Sequence[tuple[str, float | None]]) -> JsonObject:
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in steps]}


def _panel(kind: str, title: str, help_: str, queries: Sequence[Query], unit: str) -> JsonObject:
    return {
        "type": kind,
        "title": title,
        "description": help_,
        "datasource": PROMETHEUS,
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "interval": MIN_STEP,
                "datasource": PROMETHEUS,
            }
            for at, query in enumerate(queries)
        ],
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
    }


def dashboard(
    uid: str, title: str, help_: str, variables: Iterable[JsonObject], panels: Iterable[Panel]
) -> JsonObject:
    """A dashboard with its panels laid out in their order."""
    return {
        "uid": uid,
        "title": title,
        "description": help_,
        "tags": ["kubernetes", "kubesum"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "refresh": REFRESH,
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [*variables]},
        "panels": laid_out(panels),
    }


def laid_out(panels: Iterable[Panel]) -> list[JsonObject]:
    """The panels with their places: each beside the one before it while there is room, else below the highest."""
    placed: list[JsonObject] = []
    x = y = line_height = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > WIDTH:
            x, y, line_height = 0, y + line_height, 0
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        placed.append({"id": number, **panel.body, "gridPos": place})
        x, line_height = x + panel.width, max(line_height, panel.height)
    return placed


def source_variable(source: JsonObject) -> JsonObject:
    """The variable by which one of several data sources of a kind is chosen."""
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": source["type"], "refresh": 1}
