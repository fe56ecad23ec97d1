"""A dashboard as Grafana reads it, made of panels that are a question and its queries."""

from dataclasses import dataclass
from typing import Any

_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """``queries`` are of PromQL, each with its legend. ``empty`` says why there may be nothing to see."""

    question: str
    queries: dict[str, str]
    unit: str = "short"
    empty: str = ""
    kind: str = "timeseries"


@dataclass(frozen=True)
class Board:
    """``variable`` is the label a person chooses by; ``of`` the metric that knows its values."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    variable: str = ""
    of: str = ""

    @property
    def uid(self) -> str:
        return f"switchyard-{self.name}"

    def as_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["switchyard"],
            "schemaVersion": 39,
            "editable": False,
            "refresh": "15s",
            "time": {"from": "now-1h", "to": "now"},
            "templating": {
                "list": [_source(), *([_choice(self.variable, self.of)] if self.variable else [])]
            },
            "links": [_link()],
            "panels": [_panel(panel, number) for number, panel in enumerate(self.panels)],
        }


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    place = divmod(number * _WIDTH, _COLUMNS)
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.question,
        "description": panel.empty,
        "datasource": _SOURCE,
        "gridPos": {"x": place[1], "y": place[0] * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus"}


def _choice(label: str, metric: str) -> dict[str, Any]:
    return {
        "name": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": f"label_values({metric}, {label})",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _link() -> dict[str, Any]:
    return {
        "title": "Switchyard",
        "type": "dashboards",
        "tags": ["switchyard"],
        "keepTime": True,
        "asDropdown": True,
    }
