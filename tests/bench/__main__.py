"""``python -m tests.bench [PART ...]``: measure the service beside stock Celery, on servers of its own.

Prints one table, and writes one JSON file.
"""

import argparse
import json
import os
from contextlib import ExitStack, redirect_stderr
from pathlib import Path

from deploy.local.ports import LOOPBACK, free_ports
from tests.bench.parts import NAMES
from tests.servers import servers


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        own = stack.enter_context(servers("bench"))
        home, broker = own.home, own.broker
        environment = _environment(own.postgres.url, broker.url, broker.management_url)
        os.environ.update(environment)
        # What this process logs, as a web process would.
        stack.enter_context(redirect_stderr(stack.enter_context((home / "bench.log").open("w"))))
        from tests.bench.course import run  # It needs the environment that was just made.

        report, table = run(own, environment, options.parts or list(NAMES), options.share)
    report["versions"]["RabbitMQ"] = broker.version
    output = options.output or home / "bench.json"
    output.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{table}\n\nwritten to {output}; the logs are in {home}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *NAMES], metavar="PART", help=", ".join(NAMES))
    parser.add_argument("--share", type=float, default=1, help="of the usual counts, for a first look (1)")
    parser.add_argument("--output", type=Path, help="where the JSON goes (default: .local/bench)")
    return parser.parse_args()


def _environment(database: str, broker: str, management: str) -> dict[str, str]:
    exporter, relay, web = free_ports(3)
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
        "SECRET_KEY": "only-for-tests",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "BIND_ADDRESS": LOOPBACK,
        "PORT": str(web),
        "EXPORTER_PORT": str(exporter),
        "RELAY_PORT": str(relay),
        # Any that is free: some parts run several.
        "WORKER_METRICS_PORT": "0",
        "WEB_METRICS_PORT": "0",
        "LOG_FORMAT": "json",
        "WAIT_SECONDS": "60",
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "BROKER_MANAGEMENT_URL": management,
    }


if __name__ == "__main__":
    main()
