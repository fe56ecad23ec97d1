"""The dashboards and what the cluster gets are made of what is in deploy/, and each panel asks a question."""

import re

import pytest

from deploy.grafana.__main__ import written as dashboard_files
from deploy.grafana.panel import scoped
from deploy.prometheus.__main__ import OUTPUT
from deploy.prometheus.__main__ import written as rules_for_the_operator
from tests.rules.files import DASHBOARDS, alerts, dashboards, panels, queries


def test_the_dashboards_are_what_is_declared() -> None:
    assert {file: file.read_text() for file in DASHBOARDS} == dashboard_files()


def test_the_cluster_gets_the_rules_that_are_tested() -> None:
    assert OUTPUT.read_text() == rules_for_the_operator(), "run `python -m deploy.prometheus`"


@pytest.mark.parametrize("uid", dashboards())
def test_every_panel_is_titled_by_a_question(uid: str) -> None:
    titles = [panel["title"] for panel in panels(dashboards()[uid])]
    assert titles
    assert [title for title in titles if not title.endswith("?")] == []


@pytest.mark.parametrize("uid", dashboards())
def test_every_panel_says_what_is_seen_there_in_a_unit(uid: str) -> None:
    for panel in panels(dashboards()[uid]):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_every_query_is_of_the_chosen_namespace() -> None:
    """Two installations that one Prometheus watches are not shown as one."""
    for board in dashboards().values():
        for query in queries(board):
            series = re.findall(r"\bswitchyard[_:][\w:]+", query)
            assert query.count('namespace=~"$namespace"') == len(series) > 0, query


def test_a_query_keeps_what_it_was_chosen_by() -> None:
    asked = scoped('sum(rate(switchyard_a_total{queue=~"$queue"}[5m])) / switchyard:b:c')
    assert asked == (
        'sum(rate(switchyard_a_total{namespace=~"$namespace",queue=~"$queue"}[5m]))'
        ' / switchyard:b:c{namespace=~"$namespace"}'
    )


def test_every_variable_that_an_alert_sets_is_one_of_its_dashboard() -> None:
    for name, alert in alerts().items():
        path, _, given = alert["annotations"]["dashboard"].removeprefix("/d/").partition("?var-")
        variables = {item["name"] for item in dashboards()[path]["templating"]["list"]}
        assert not given or given.partition("=")[0] in variables, name
