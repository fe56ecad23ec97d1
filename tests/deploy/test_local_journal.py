import json
from pathlib import Path
from typing import Any

from deploy.local.journal import Journal


def sent(task_id: str, queue: str = "q") -> bytes:
    return _line(event="task_sent", task="t.x", task_id=task_id, queue=queue)


def finished(task_id: str, outcome: str, wait_ms: float = 1.0) -> bytes:
    return _line(
        event="task_finished",
        task="t.x",
        task_id=task_id,
        queue="q",
        outcome=outcome,
        wait_ms=wait_ms,
        run_ms=2.0,
        attempt=0,
    )


def _line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_a_canary_is_nobodys_work() -> None:
    journal = Journal([])
    journal.take([_line(event="task_accepted", task="switchyard.canary.io", task_id="c", queue="io")])
    assert not journal.queues


def test_a_task_without_an_end_is_open() -> None:
    journal = Journal([])
    journal.take([sent("a"), sent("b"), finished("a", "succeeded")])
    assert journal.open == {"b"}


def test_a_retried_task_is_sent_once_and_done_once() -> None:
    journal = Journal([])
    journal.take([sent("a"), finished("a", "retried"), sent("a"), finished("a", "succeeded")])
    record = journal.queues["q"]
    assert (len(record.sent), len(record.done), len(record.failed)) == (1, 1, 0)
    assert record.waits_ms == [1.0, 1.0]


def test_a_lost_task_that_was_redelivered_and_succeeded_has_not_failed() -> None:
    journal = Journal([])
    journal.take([sent("a"), finished("a", "lost"), finished("a", "succeeded")])
    assert not journal.failed
    assert not journal.open


def test_an_accepted_task_is_open_before_the_relay_has_sent_it() -> None:
    journal = Journal([])
    journal.take([_line(event="task_accepted", task="t.x", task_id="a", queue="q")])
    assert journal.open == {"a"}
    journal.take([sent("a"), finished("a", "succeeded")])
    assert (len(journal.queues["q"].sent), journal.open) == (1, set())


def test_a_rejected_task_has_failed() -> None:
    journal = Journal([])
    journal.take([sent("a"), finished("a", "rejected")])
    assert journal.failed == {"a"}


def test_the_end_may_be_read_before_the_sending() -> None:
    journal = Journal([])
    journal.take([finished("a", "succeeded"), sent("a")])
    assert not journal.open


def test_other_lines_between_the_events_are_passed_over() -> None:
    journal = Journal([])
    journal.take([b"Traceback (most recent call last):", b"{broken", b"[1]", b"", sent("a")])
    assert journal.open == {"a"}


def test_a_line_that_is_still_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    journal = Journal([log])
    journal.read()
    whole = sent("a") + b"\n"
    log.write_bytes(whole[:20])
    journal.read()
    assert not journal.open
    log.write_bytes(whole)
    journal.read()
    assert journal.open == {"a"}
