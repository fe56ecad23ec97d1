"""A steady load of web requests, each of which promises one task."""

import threading
import time
from dataclasses import dataclass, field
from random import Random

import httpx

#: Of a hundred requests so many are for the cpu queue; the rest is io.
CPU_PERCENT = 15
#: So many ask to be tried again, and so many are asked for later: both wait on the broker meanwhile.
RETRY_PERCENT, LATER_PERCENT = 5, 5
LATER_SECONDS = 3
#: Begins the key of what was asked for later.
LATER = "later"
THREADS = 4


@dataclass
class Load:
    """``accepted`` are the keys that were answered with 202: each of them must be in the ledger."""

    url: str
    per_second: float
    seed: int
    accepted: set[str] = field(default_factory=set)
    refused: int = 0
    unanswered: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(THREADS):
            thread = threading.Thread(target=self._run, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, number: int) -> None:
        random = Random(f"{self.seed}-{number}")
        pause, due, count = THREADS / self.per_second, time.monotonic(), 0
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                # After an outage the load goes on at its rate; what was not asked meanwhile never was.
                due = max(due + pause, time.monotonic() - 1)
                count += 1
                self._ask(client, f"{number}-{count}", random)

    def _ask(self, client: httpx.Client, key: str, random: Random) -> None:
        queue = "cpu" if random.randrange(100) < CPU_PERCENT else "io"
        seconds = (
            round(random.expovariate(1 / 0.05), 3) if queue == "cpu" else round(random.random() * 0.6, 3)
        )
        body = {"kwargs": {"seconds": min(seconds, 2)}}
        drawn = random.randrange(100)
        habit = "retry" if drawn < RETRY_PERCENT else "work"
        if drawn >= 100 - LATER_PERCENT:
            key, body["options"] = f"{LATER}-{key}", {"countdown": LATER_SECONDS}
        body |= {"key": key, "task": f"ledger.{queue}_{habit}"}
        try:
            answer = client.post(f"{self.url}/promise", json=body)
        except httpx.HTTPError:
            self.unanswered += 1
            return
        if answer.status_code == 202:
            self.accepted.add(key)
        else:
            self.refused += 1
