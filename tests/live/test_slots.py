"""`slots` says which task, and for whom, fills the slots at this moment."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from structlog.contextvars import bound_contextvars

from app.celery import app
from switchyard.ops.slots import Running, groups
from tests.live.processes import ROOT, Processes, eventually


def said() -> dict[str, Any]:
    output = StringIO()
    call_command("switchyard", "slots", "--json", stdout=output)
    found: dict[str, Any] = json.loads(output.getvalue())
    return found


def fields_of_queries() -> set[str]:
    """Of the runbooks' page: what it has Loki, CloudWatch and Kibana look for."""
    page = (ROOT / "deploy" / "runbooks" / "README.md").read_text().partition("## In the logs")[2]
    rows = [line.replace("\\|", "|").split(" | `") for line in page.splitlines() if line.startswith("| ")][1:]
    loki = [field for row in rows for field in re.findall(r"\| (\w+)!?[=~]", row[1])]
    cloudwatch = [field for row in rows for field in re.findall(r"(?:filter|and) (\w+) !?=", row[2])]
    kibana = [field for row in rows for field in re.findall(r"(\w+) :", row[3])]
    assert set(loki) == set(cloudwatch) == set(kibana)
    counted = {field for row in rows for field in re.findall(r"by (\w+), (\w+)", row[2]) for field in field}
    return set(loki) | counted | set(re.findall(r"`(\w+)`", page.partition("|")[0])) - {"task_finished"}


def test_the_running_tasks_are_told_with_age_and_for_whom(yard: Processes) -> None:
    with pytest.raises(CommandError, match="No worker answered") as ended:
        call_command("switchyard", "slots")
    assert ended.value.returncode == 3
    worker = yard.worker("io")
    with bound_contextvars(request_id="r-1"):
        app.tasks["gallery.io_wait"].delay("of a request", 0)
    [line] = eventually(lambda: worker.events("task_finished"), what="a task in the log")
    assert fields_of_queries() - set(line) - {"LOG_FORMAT"} == set()
    assert (line["request_id"], line["queue"], line["task"]) == ("r-1", "io", "gallery.io_wait")
    for seconds in (30, 30, 31):
        app.tasks["gallery.io_wait"].delay("a-secret-by-its-name", seconds)
    found = eventually(lambda: (seen := said())["busy"] == 3 and seen, what="three that run")
    assert found["workers"] == 1
    [task] = found["by_task"]
    assert (task["task"], task["slots"]) == ("gallery.io_wait", 3)
    first, second = found["by_key"]
    assert (first["slots"], second["slots"]) == (2, 1)
    assert first["key"].endswith("seconds=30")
    assert "a-secret-by-its-name" not in json.dumps(found)
    assert {each["queue"] for each in found["longest"]} == {"io"}
    eventually(lambda: said()["longest"][0]["seconds"] >= 1, what="an age that grows")
    output = StringIO()
    call_command("switchyard", "slots", stdout=output)
    assert "3 slots are busy." in output.getvalue()


def test_who_holds_most_slots_comes_first_however_long_one_of_another_runs() -> None:
    found = [Running("a", "k", "io", 900.0, "w", "1")]
    found += [Running("b", key, "io", 2.0, "w", key) for key in ("x", "y")]
    assert [(row["task"], row["slots"]) for row in groups(found, "task")] == [("b", 2), ("a", 1)]
