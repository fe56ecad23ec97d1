"""One trial of a running stack: what is sent, what must come of it, and what is missing."""

import time
from collections import Counter
from collections.abc import Callable, Iterable

from deploy.local.errors import LocalError
from deploy.local.journal import Journal
from deploy.local.load import Amounts, Client
from deploy.local.progress import Progress
from deploy.local.receiver import Deliveries
from deploy.local.stack import Stack

FIRST_TASK_SECONDS = 60
LIMIT_SECONDS = 120
SECONDS_PER_EFFECT = 0.1
#: After a task has ended, what it led to is on its way for a moment without being a task yet.
QUIET_SECONDS = 5
_LOOK_SECONDS = 0.25


class Trial:
    def __init__(
        self, stack: Stack, journal: Journal, client: Client, deliveries: Deliveries, amounts: Amounts
    ) -> None:
        self.stack = stack
        self.journal = journal
        self.client = client
        self.deliveries = deliveries
        self.amounts = amounts
        self._mails_before = stack.services.mailbox.count()

    def begin(self, receiver_url: str) -> None:
        """One sign-up, until its tasks are done; then its user registers the targets."""
        self.client.sign_up(0)
        self._wait_for_first_task()
        self.client.authenticate(self.stack.services.mailbox.last_token())
        for number in range(self.amounts.webhooks):
            path = f"/hooks/{number}"
            self.deliveries.secrets[path] = self.client.register(f"{receiver_url}{path}")
        self._wait_for(self.client.all_confirmed, "The targets' answers to their challenges")

    def run(self) -> None:
        """Sends everything, and returns when all of it is done, or nothing more is coming, or time is up."""
        self.client.send(self.amounts)
        progress = Progress(self.amounts.effects)
        deadline = time.monotonic() + LIMIT_SECONDS + SECONDS_PER_EFFECT * self.amounts.effects
        last_busy = time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - last_busy < QUIET_SECONDS:
            self._look()
            progress.show(self.effects(), self._details())
            if self.journal.open or not self.client.all_accepted():
                last_busy = time.monotonic()
            elif self.effects() >= self.amounts.effects:
                break
            time.sleep(_LOOK_SECONDS)
        progress.end()

    def effects(self) -> int:
        return self.mails() + self.client.reports_done + len(self.deliveries.accepted)

    def mails(self) -> int:
        return self.stack.services.mailbox.count() - self._mails_before

    def problems(self) -> list[str]:
        """What is wrong with the outcome, a sentence for each; empty if all is well."""
        found = [
            self._tasks("failed", self.journal.failed),
            self._tasks("were sent and never finished", self.journal.open),
            _missing("mails arrived", self.mails(), self.amounts.mails),
            _missing("reports were done", self.client.reports_done, self.amounts.reports),
            _missing("webhooks were delivered", len(self.deliveries.accepted), self.amounts.deliveries),
            "; ".join(self.deliveries.mistakes[:3]),
        ]
        return [problem for problem in found if problem]

    def _wait_for_first_task(self) -> None:
        self._wait_for(lambda: self.mails() and not self.journal.open, "The first sign-up's mail")

    def _wait_for(self, over: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + FIRST_TASK_SECONDS
        while not over():
            self._look()
            if time.monotonic() > deadline:
                raise LocalError(f"{what} did not come in {FIRST_TASK_SECONDS} s: see the logs.")
            time.sleep(_LOOK_SECONDS)

    def _look(self) -> None:
        self.stack.supervisor.check()
        self.client.look_at_reports()
        self.journal.read()

    def _details(self) -> str:
        amounts = self.amounts
        parts = {
            "accepted": (self.client.accepted(), amounts.signups - 1 + amounts.reports),
            "mails": (self.mails(), amounts.mails),
            "reports": (self.client.reports_done, amounts.reports),
            "webhooks": (len(self.deliveries.accepted), amounts.deliveries),
        }
        counts = "  ".join(f"{name} {done}/{total}" for name, (done, total) in parts.items())
        return f"{counts}  open tasks {len(self.journal.open)}"

    def _tasks(self, what: str, ids: Iterable[str]) -> str:
        names = Counter(self.journal.names.get(task_id, "unknown") for task_id in ids)
        listed = ", ".join(f"{name} ({count})" for name, count in names.most_common())
        return f"{names.total()} tasks {what}: {listed}" if names else ""


def _missing(what: str, got: int, expected: int) -> str:
    return "" if got == expected else f"{got} of {expected} {what}"
