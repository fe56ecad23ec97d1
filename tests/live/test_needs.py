"""A role that cannot work says why in one line, with what to change, and exits with 3."""

import signal
import subprocess

import pytest

from tests.live.processes import Processes, eventually

ROLES = [("worker", "io"), ("beat",), ("web",), ("relay",), ("release",)]


def reason(result: "subprocess.CompletedProcess[str]") -> str:
    """The sentence that a role gave up with."""
    assert result.returncode == 3, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Unavailable: ")
    assert "Traceback" not in result.stderr
    return last


@pytest.mark.parametrize("role", [("worker", "io"), ("release",)])
def test_wrong_credentials_are_named_at_once(processes: Processes, role) -> None:
    wrong = processes.environment["BROKER_URL"].replace("switchyard:", "switchyard:not-")
    assert wrong != processes.environment["BROKER_URL"]
    said = reason(processes.run(*role, env={"BROKER_URL": wrong}))
    assert "refused the user 'switchyard': wrong name or password. Correct BROKER_URL." in said
    assert "not-" not in said


def test_a_missing_vhost_is_named_at_once(processes: Processes) -> None:
    wrong = processes.environment["BROKER_URL"].rpartition("/")[0] + "/nowhere"
    said = reason(processes.run("worker", "io", env={"BROKER_URL": wrong}))
    assert "has no vhost 'nowhere'" in said
    assert "correct BROKER_URL" in said


def test_a_broker_that_is_down_is_waited_for_and_then_named(processes: Processes) -> None:
    down = {"BROKER_URL": "pyamqp://guest:guest@127.0.0.1:1//", "WAIT_SECONDS": "2"}
    result = processes.run("worker", "io", env=down)
    assert "Gave up after 2 s (WAIT_SECONDS): RabbitMQ at 127.0.0.1:1 did not answer" in reason(result)
    assert '"waiting"' in result.stderr


@pytest.mark.parametrize("role", ROLES)
def test_a_database_that_is_down_is_waited_for_and_then_named(processes: Processes, role) -> None:
    down = {"DATABASE_URL": "postgres://u:secret@127.0.0.1:1/n", "WAIT_SECONDS": "2"}
    said = reason(processes.run(*role, env=down))
    assert "PostgreSQL at 127.0.0.1:1 did not answer" in said
    assert "secret" not in said


def test_a_worker_waits_for_its_dead_letter_queue_so_that_no_failure_is_lost(processes: Processes) -> None:
    said = reason(processes.run("worker", "cpu", env={"WAIT_SECONDS": "2"}))
    assert "The queue cpu.dead does not exist. Run `python -m app topology apply`." in said


def test_a_second_worker_of_the_same_name_says_so_and_the_first_works_on(yard: Processes) -> None:
    first = yard.worker("io")
    said = reason(yard.run("worker", "io", env={"WAIT_SECONDS": "2"}))
    assert "A worker named io@" in said
    assert "--name" in said
    yard.worker("io", "--name=io-too")
    assert first.popen.poll() is None


def test_a_worker_takes_over_the_name_of_one_that_ended_while_it_waited(yard: Processes) -> None:
    first = yard.worker("io")
    second = yard.start("worker", "io")
    eventually(lambda: "is connected already" in second.text())
    first.signal(signal.SIGTERM)
    yard.until_beating(second)
