"""A dashboard as Grafana reads it, made of panels that are a question and its queries."""

import re
from dataclasses import dataclass
from typing import Any

_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 24
_SCOPE = 'namespace=~"$namespace"'
#: A series of ours by its name, with what it is chosen by.
_SERIES = re.compile(r"\b(switchyard[_:][\w:]+)(?:\{([^}]*)\})?")
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """``queries`` are of PromQL, each with its legend; what they ask of is narrowed to the chosen namespace.

    ``says`` is what a person sees there; ``empty`` why there may be nothing to see.
    """

    question: str
    says: str
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
            "templating": {"list": [*_everywhere(), *self._own()]},
            "annotations": {"list": [_released(), _alerted()]},
            "links": _links(),
            "panels": [_panel(panel, number) for number, panel in enumerate(self.panels)],
        }

    def _own(self) -> list[dict[str, Any]]:
        return [_choice(self.variable, self.of)] if self.variable else []


def scoped(query: str) -> str:
    """The same query of the chosen namespace alone. Where there is none (a laptop), all there is."""
    return _SERIES.sub(lambda found: f"{found[1]}{{{_SCOPE}{',' + found[2] if found[2] else ''}}}", query)


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    place = divmod(number * _WIDTH, _COLUMNS)
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.question,
        "description": f"{panel.says} {panel.empty}".strip(),
        "datasource": _SOURCE,
        "gridPos": {"x": place[1], "y": place[0] * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": scoped(query),
                "legendFormat": legend,
            }
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _everywhere() -> list[dict[str, Any]]:
    """What a person chooses on every board: from where, which installation, and where its Operations are."""
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus"},
        _choice("namespace", "switchyard_broker_up"),
        {
            "name": "service",
            "label": "address of the service",
            "type": "textbox",
            "query": "http://localhost:8000",
        },
    ]


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


def _released() -> dict[str, Any]:
    """Marks when pods of an image appear that were not there five minutes before."""
    images = f'count by (image) (kube_pod_container_info{{{_SCOPE},container="app"}})'
    new = f"{images} unless {images.replace('})', '} offset 5m)')}"
    return _annotation("Releases", new, "blue", "{{image}}")


def _alerted() -> dict[str, Any]:
    return _annotation("Alerts", f'ALERTS{{{_SCOPE},alertstate="firing"}}', "red", "{{alertname}} {{queue}}")


def _annotation(name: str, query: str, colour: str, title: str) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": _SOURCE,
        "enable": True,
        "expr": query,
        "iconColor": colour,
        "titleFormat": title,
    }


def _links() -> list[dict[str, Any]]:
    boards = {"title": "Switchyard", "type": "dashboards", "tags": ["switchyard"]}
    operations = {"title": "Operations", "type": "link", "url": "${service}/admin/switchyard/operations/"}
    return [{**boards, "keepTime": True, "asDropdown": True}, {**operations, "targetBlank": True}]
