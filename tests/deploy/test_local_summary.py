import pytest

from deploy.local.journal import QueueRecord
from deploy.local.progress import rate_and_remaining
from deploy.local.summary import depths_now, percentile, summary

METRICS = """\
# HELP switchyard_queue_messages_ready Messages that wait.
# TYPE switchyard_queue_messages_ready gauge
switchyard_queue_messages_ready{queue="q"} 7.0
switchyard_queue_messages_ready{queue="q.dead"} 1.0
# HELP switchyard_queue_messages_unacknowledged Messages at a worker.
# TYPE switchyard_queue_messages_unacknowledged gauge
switchyard_queue_messages_unacknowledged{queue="q"} 2.0
# HELP switchyard_queue_consumers Consumers.
# TYPE switchyard_queue_consumers gauge
switchyard_queue_consumers{queue="q"} 50.0
"""


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_a_value_that_occurred(percent: float, expected: float) -> None:
    assert percentile(range(1, 101), percent) == expected


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 50) is None


def test_the_depth_is_what_waits_and_what_is_being_worked_on() -> None:
    assert depths_now(METRICS) == {"q": 9, "q.dead": 1}


def test_the_table_has_a_row_for_every_queue_even_an_idle_one() -> None:
    record = QueueRecord({"a", "b"}, {"a"}, {"b"}, [5.0, 2_500.0], [1.0, 3.0])
    heading, busy, idle = summary({"q": record}, {"q": 4}, ["q", "idle"]).splitlines()
    assert heading.split()[:6] == ["queue", "sent", "done", "failed", "depth", "now"]
    assert busy.split() == ["q", "2", "1", "1", "4", "5", "ms", "2.5", "s", "1", "ms", "3", "ms"]
    assert idle.split() == ["idle", "0", "0", "0", "-", "-", "-", "-", "-"]


@pytest.mark.parametrize(
    ("done", "left", "seconds", "expected"),
    [
        (0, 100, 5.0, "0/s"),
        (50, 51, 5.0, "10/s  about 6 s left"),
        (50, 0, 5.0, "10/s"),
        (9, 100, 0.1, "0/s"),
    ],
)
def test_progress_says_rate_and_remaining(done: int, left: int, seconds: float, expected: str) -> None:
    assert rate_and_remaining(done, left, seconds) == expected
