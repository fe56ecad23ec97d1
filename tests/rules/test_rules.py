"""The rules are right, tested, and say what a person needs."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.local.monitoring import program
from switchyard.routing import QUEUES
from tests.rules.files import RULES, TESTS, alerts, dashboards, queries, rules, unit_tests

#: On which no alert may fire; each is a test of deploy/prometheus/tests/quiet.yml, by how its name begins.
QUIET = ("healthy retries", "retries and countdowns on celery_delayed_*", "scaled to zero", "an empty system")


def promtool(*arguments: str) -> str:
    """What it says; fails with it."""
    command = [str(program("promtool")), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_prometheus_understands_the_rules() -> None:
    said = promtool("check", "rules", "--lint-fatal", *map(str, RULES))
    assert said.count("SUCCESS") == len(RULES)


def test_the_rules_pass_their_unit_tests() -> None:
    assert promtool("test", "rules", *map(str, TESTS)).count("SUCCESS") == len(TESTS)


def test_prometheus_understands_what_the_dashboards_ask(tmp_path: Path) -> None:
    asked = {query for board in dashboards().values() for query in queries(board)}
    named = [
        {"record": f"panel:{number}:asked", "expr": re.sub(r"\$\w+", ".*", query)}
        for number, query in enumerate(sorted(asked))
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": named}]}))
    assert f"{len(named)} rules found" in promtool("check", "rules", str(file))


#: Rules made worse, and the tests that must notice.
WORSE = {
    "a queue is any queue": ("joins.yml", " and switchyard:queue_objective:seconds", "", "quiet"),
    "a queue at zero has no time": (
        "joins.yml",
        "replicas[10m]) > bool 0)",
        "replicas[10m]) >= bool 0)",
        "quiet",
    ),
    "a burst is growth": ("growth.yml", "for: 75s", "for: 15s", "growth"),
    "any drain is too long": ("growth.yml", "> switchyard:queue_objective:seconds", ">= 0", "growth"),
    "an empty queue lacks consumers": (
        "consumers.yml",
        "backlog:messages > 0\n",
        "backlog:messages >= 0\n",
        "consumers",
    ),
    "some retries are a storm": ("retries.yml", "> 0.5", "> 0.1", "retries"),
}


@pytest.mark.parametrize("name", WORSE)
def test_a_rule_that_cries_wolf_is_caught(name: str, tmp_path: Path) -> None:
    file, right, wrong, tests = WORSE[name]
    for source in (*RULES, *TESTS):
        target = tmp_path / source.parent.name / source.name
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text())
    rule = tmp_path / "rules" / file
    assert right in rule.read_text()
    rule.write_text(rule.read_text().replace(right, wrong))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", str(tmp_path / "tests" / f"{tests}.yml"))


@pytest.mark.parametrize("name", alerts())
def test_an_alert_is_tested_to_fire_and_not_to(name: str) -> None:
    cases = [
        case
        for tests in unit_tests().values()
        for test in tests
        for case in test.get("alert_rule_test", ())
        if case["alertname"] == name
    ]
    assert any(case["exp_alerts"] for case in cases), f"no test sees {name} fire"
    assert any(not case["exp_alerts"] for case in cases), f"no test sees {name} not fire"


def test_no_alert_may_fire_where_all_is_well() -> None:
    quiet = unit_tests()["quiet.yml"]
    assert [test["name"] for test in quiet if test["name"].startswith(QUIET)] == [
        test["name"] for test in quiet
    ]
    assert len(quiet) == len(QUIET)
    for test in quiet:
        asked = {case["expr"] for case in test["promql_expr_test"]}
        assert asked == {'ALERTS{alertstate="firing"}'}, "it looks at some alerts only"
        assert not any("exp_samples" in case for case in test["promql_expr_test"])


def test_the_quiet_scenarios_are_tried_with_every_rule() -> None:
    named = re.findall(
        r"- \.\./rules/(\S+)", next(file for file in TESTS if file.stem == "quiet").read_text()
    )
    assert sorted(named) == [file.name for file in RULES]


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_what_a_person_needs(name: str) -> None:
    alert = alerts()[name]
    annotations = alert["annotations"]
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(annotations) == {"summary", "description", "runbook_url", "dashboard"}
    assert annotations["runbook_url"] == f"deploy/runbooks/{name}.md"
    board = annotations["dashboard"].removeprefix("/d/").partition("?")[0]
    assert board in dashboards()


def test_a_stuck_queue_is_one_on_which_every_task_has_had_its_hard_limit() -> None:
    (minutes,) = set(re.findall(r"\[(\d+)m\]", alerts()["QueueStuck"]["expr"]))
    longest = max(spec.hard_limit_seconds for spec in QUEUES.values())
    assert int(minutes) * 60 > longest, (
        f"Put more than {longest // 60}m for {minutes}m into deploy/prometheus/rules/stuck.yml and its tests."
    )


def test_no_rule_spells_a_queue() -> None:
    spelled = re.compile(rf'queue[=~!]+"({"|".join(QUEUES)})"')
    assert [rule for rule in rules() if spelled.search(rule["expr"])] == []
