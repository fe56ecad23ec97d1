"""Measures what slow clients cost honest ones, of this web and of gunicorn's own worker of threads.

    python -m tests.slow

Starts a PostgreSQL of its own. Each of slowhttptest's modes (Debian's package, unpacked into .local) holds
CONNECTIONS for SECONDS, while one honest client asks for a page as fast as it is answered, and a probe
is asked each half second. Writes tests/slow/RESULT.md.
"""

import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from deploy.local.packages import Packages
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import start_postgres
from deploy.local.servers import LOCAL
from tests.alone import asked, prepared, served
from tests.bench.figures import percentile
from tests.slow_clients import LARGE, attackers

CONNECTIONS, SECONDS = 1000, 15
#: What an honest client waits for at most, and what counts as too late of a probe.
PATIENCE_SECONDS, PROBE_SECONDS = 10.0, 5.0
PAGE = "/admin/login/"
COMMON = ["-c", str(CONNECTIONS), "-r", "500", "-l", str(2 * SECONDS), "-i", "5", "-p", "3"]
MODES = {
    "slow headers (-H)": ["-H", "-x", "24"],
    "slow body (-B)": ["-B", "-s", "8192", "-x", "10"],
    "ranges (-R)": ["-R", "-t", "GET", "-a", "10", "-b", "3000"],
    "slow read (-X)": ["-X", "-w", "1", "-y", "512", "-z", "5", "-k", "3", "-n", "5"],
}
STOCK = ["--config=python:switchyard.process.gunicorn", "-k", "gthread"]
SERVERS = {
    "this web": ["-m", "app", "web"],
    "gunicorn's own": ["-m", "gunicorn", *STOCK],
}
PAGE_OF = {"slow read (-X)": LARGE, "ranges (-R)": LARGE}
RESULT = Path(__file__).with_name("RESULT.md")


@dataclass
class Seen:
    """By an honest client: milliseconds of each answer, and how often it had none."""

    milliseconds: list[float]
    unanswered: int = 0

    def at(self, share: float) -> float:
        return percentile(self.milliseconds or [float("nan")], share)


def main() -> None:
    program = slowhttptest()
    lines = []
    with tempfile.TemporaryDirectory() as folder, start_postgres(Path(folder) / "postgres") as postgres:
        environment = prepared(postgres.url, Path(folder))
        for server, command in SERVERS.items():
            with served(command, environment) as (port, probes):
                for mode, attack in attacks(program, port):
                    quiet = watched(port, probes, lambda: sleep(SECONDS))
                    with attack:
                        found = watched(port, probes, lambda: sleep(SECONDS))
                    lines.append(row(server, mode, *found, quiet[0]))
                    print(lines[-1], flush=True)
    head = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"
    RESULT.write_text(PAGE_TEXT.format(head=head, rows="\n".join(lines), count=CONNECTIONS, seconds=SECONDS))


def attacks(program: str, port: int) -> Iterator[tuple[str, AbstractContextManager[object]]]:
    """Each with what holds it while a block runs."""
    for mode in ("half a header", "half a body"):
        yield f"{mode}, held", attackers(port, mode, CONNECTIONS)
    for mode, words in MODES.items():
        url = f"http://{LOOPBACK}:{port}{PAGE_OF.get(mode, PAGE)}"
        yield mode, running([program, *words, *COMMON, "-u", url])


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def slowhttptest() -> str:
    folder = LOCAL / "slowhttptest"
    if not folder.exists():
        Packages(LOCAL / "apt").unpack("slowhttptest", folder)
    return str(folder / "usr/bin/slowhttptest")


def watched(port: int, probes: int, during: Callable[[], None]) -> tuple[Seen, Seen]:
    """What the honest client and the prober saw meanwhile."""
    over, client, prober = threading.Event(), Seen([]), Seen([])

    def ask(seen: Seen, where: int, path: str, within: float, pause: float) -> None:
        while not over.wait(pause):
            took = asked(where, path, within)
            if took is None:
                seen.unanswered += 1
            else:
                seen.milliseconds.append(took)

    threads = [
        threading.Thread(target=ask, args=(client, port, PAGE, PATIENCE_SECONDS, 0.01)),
        threading.Thread(target=ask, args=(prober, probes, "/livez", PROBE_SECONDS, 0.5)),
    ]
    for thread in threads:
        thread.start()
    during()
    over.set()
    for thread in threads:
        thread.join()
    return client, prober


def row(server: str, mode: str, client: Seen, prober: Seen, quiet: Seen) -> str:
    times = client.at(0.99) / quiet.at(0.99)
    return (
        f"| {server} | {mode} | {len(client.milliseconds)} | {client.unanswered} | {client.at(0.5):.1f} | "
        f"{client.at(0.99):.1f} | {times:.2f} | {prober.at(1):.0f} | {prober.unanswered} |"
    )


COLUMNS = (
    "server",
    "attack",
    "pages answered",
    "not within 10 s",
    "median ms",
    "p99 ms",
    "p99 by that with nobody just before",
    "slowest probe ms",
    "probes not answered",
)
PAGE_TEXT = """# Web under slow clients

`python -m tests.slow` writes this page: slowhttptest 1.8 with {count} connections for {seconds} s in each of
its modes, and as many that hold half a request; 8 threads, one machine of two cores for all of it. One honest
client asks for a page, and `/livez` is asked on the port of the metrics twice a second.

{head}
{rows}

Slow read asks for thousands of answers of 285 KB in its first two seconds, which is work that honest clients
share, and not connections that are held.
"""

if __name__ == "__main__":
    main()
