"""Requests through a Service, each of which promises one task."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import httpx

#: Of a hundred tasks so many are long: some of them run whenever a pod is told to end.
LONG_PERCENT = 5
LONG_SECONDS = 8.0
THREADS = 4


@dataclass
class Load:
    """``failed`` are the requests that were not answered with 202, and why. ``host`` is what web answers to.

    Half of the threads keep their connection, as a gateway does; half have a new one for each request.
    """

    url: str
    host: str
    per_second: float
    tasks: tuple[str, ...] = ("accept", "send")
    #: Of a hundred requests so many are for the cpu queue; the rest is io.
    cpu_percent: int = 15
    #: Of every key: no two loads of one database may have the same.
    prefix: str = ""
    accepted: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    #: What any request took until it was answered, or was not.
    longest_seconds: float = 0.0
    #: What the answers of those that were refused say, and in which second of the load.
    said: Counter[str] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Load":
        for number in range(THREADS):
            thread = threading.Thread(target=self._run, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def requests(self) -> int:
        return len(self.accepted) + self.failed.total()

    def _run(self, number: int) -> None:
        random, pause, due, count = Random(number), THREADS / self.per_second, time.monotonic(), 0
        with self._client() as kept:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due = max(due + pause, time.monotonic() - 1)
                count += 1
                if number % 2:
                    self._ask(kept, f"{self.prefix}{number}-{count}", random)
                    continue
                with self._client() as fresh:
                    self._ask(fresh, f"{self.prefix}{number}-{count}", random)

    def _client(self) -> httpx.Client:
        # The gateway in front of web ends TLS, and says so.
        headers = {"Host": self.host, "X-Forwarded-Proto": "https"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def _ask(self, client: httpx.Client, key: str, random: Random) -> None:
        queue = "cpu" if random.randrange(100) < self.cpu_percent else "io"
        seconds = LONG_SECONDS if random.randrange(100) < LONG_PERCENT else round(random.random() * 0.4, 3)
        task = f"cargo.{queue}_{random.choice(self.tasks)}"
        body = {"key": key, "task": task, "kwargs": {"seconds": seconds}}
        began = time.monotonic()
        try:
            answer = client.post("/promise", json=body)
        except httpx.HTTPError as error:
            self.failed[type(error).__name__] += 1
            return
        finally:
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
        if answer.status_code == 202:
            self.accepted.append(key)
        else:
            self.failed[f"status {answer.status_code}"] += 1
            self.said[f"{time.monotonic() - self._began:.0f}: {answer.text[:200]}"] += 1
