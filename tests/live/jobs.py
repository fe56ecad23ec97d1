"""Does what the role `jobs` does, in the test's own process."""

from switchyard.deadletters import jobs
from switchyard.deadletters.work import Worker
from switchyard.stop import Stop
from tests.live.processes import eventually


def work() -> None:
    """Until nothing is asked for."""
    worker = Worker(Stop())
    eventually(lambda: (worker.turn() or True) and not jobs.open_jobs().exists(), what="the jobs to end")


def copied() -> None:
    """Have the copy be what the broker has now."""
    jobs.ask_for_copy("a test")
    work()
