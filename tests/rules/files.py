"""The files that tell people of trouble: rules, their tests, runbooks and dashboards."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "deploy" / "runbooks"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))

Rule = dict[str, Any]


@cache
def rules() -> list[Rule]:
    return [
        rule
        for file in RULES
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts() -> dict[str, Rule]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


@cache
def unit_tests() -> dict[str, list[dict[str, Any]]]:
    """File to its tests."""
    return {file.name: yaml.safe_load(file.read_text())["tests"] for file in TESTS}


@cache
def dashboards() -> dict[str, dict[str, Any]]:
    """uid to the dashboard."""
    return {board["uid"]: board for board in (json.loads(file.read_text()) for file in DASHBOARDS)}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that ask something."""
    return [panel for panel in board["panels"] if "targets" in panel]


def queries(board: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in panels(board) for target in panel["targets"]]
