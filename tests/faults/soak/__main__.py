"""``python -m tests.faults.soak --minutes 60 --seed 7``: the service, a load, faults, and the books.

Prints a line every fifteen seconds, writes one JSON file, and ends with 1 if anything was lost, came from
nowhere, happened twice, or ran twice without a fault to explain it.
"""

import argparse
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from deploy.local.ports import LOOPBACK, free_ports
from tests.servers import servers


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        own = stack.enter_context(servers("soak"))
        home, postgres, broker = own.home, own.postgres, own.broker
        port = free_ports(1)[0]
        os.environ.update(_environment(postgres.url, broker.url, broker.management_url, port, home))
        from tests.faults.soak.course import run  # It needs the environment that was just made.

        report = run(home, (broker, postgres), port, options, stack)
    output = Path(options.output) if options.output else home / "soak.json"
    output.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    print(f"written to {output}; the logs are in {home}")
    sys.exit(0 if report["verdict"]["good"] else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=33, help="promises a second")
    parser.add_argument("--every", type=float, default=9, help="seconds from one fault to the next, about")
    parser.add_argument("--kinds", nargs="*", default=[""], help="only faults whose name begins so")
    parser.add_argument("--output", help="where the JSON goes (default: .local/soak)")
    return parser.parse_args()


def _environment(database: str, broker: str, management: str, port: int, home: Path) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "SECRET_KEY": "only-for-tests",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "BIND_ADDRESS": LOOPBACK,
        "PORT": str(port),
        "RELAY_PORT": "0",
        "WORKER_METRICS_PORT": "0",
        "WEB_METRICS_PORT": "0",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "WARNING",
        "WAIT_SECONDS": "60",
        "WEB_PROCESSES": "2",
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "BROKER_MANAGEMENT_URL": management,
        "STATIC_ROOT": str(home / "static"),
    }


if __name__ == "__main__":
    main()
