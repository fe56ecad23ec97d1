"""What a scrape of the exporter costs, by the number of queues and of messages in them.

    python -m tests.scraping --queues 200 --messages 100000

Starts a RabbitMQ and a PostgreSQL of its own, and prints one line for each depth: the median and the longest
of ten scrapes, and the series and bytes served.
"""

import argparse
import os
import socket
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import amqp
from prometheus_client import CollectorRegistry, generate_latest

from deploy.local.postgres import start_postgres
from deploy.local.rabbitmq import Broker, start_broker
from tests.live.processes import eventually

SCRAPES = 10
#: How long the broker may take to count a million messages.
STATISTICS_SECONDS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--queues", type=int, default=2, help="work queues, each with a dead-letter queue")
    parser.add_argument("--messages", type=int, default=100_000, help="messages in the deepest")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as folder:
        home = Path(folder)
        with (
            start_postgres(home / "postgres") as postgres,
            start_broker(home / "rabbitmq", log=home / "rabbitmq.log") as broker,
        ):
            os.environ |= {"BROKER_URL": broker.url, "BROKER_MANAGEMENT_URL": broker.management_url}
            os.environ |= {"DATABASE_URL": postgres.url, "SECRET_KEY": "only-for-this"}
            measure(broker, options.queues, options.messages)


def measure(broker: Broker, queues: int, messages: int) -> None:
    declare(queues)
    from switchyard.broker.management import Management
    from switchyard.metrics.exporter import Exporter, Reads

    with Management.from_settings() as management:
        registry = CollectorRegistry()
        registry.register(Exporter(Reads.of(management)))
        for depth in (0, messages // 10, messages):
            fill(broker, depth)
            scrapes(registry, queues, depth)


def declare(count: int) -> None:
    """So many work queues, with all that belongs to them, as if app/queues.py had them."""
    from app.queues import IO
    from switchyard.routing import QUEUES, ROUTES

    for number in range(count - len(QUEUES)):
        spec = replace(IO, name=f"queue{number}")
        QUEUES[spec.name] = spec
        ROUTES[spec.canary_task] = spec.name
    os.environ["DJANGO_SETTINGS_MODULE"] = "app.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("switchyard", "topology", "apply", verbosity=0)


def fill(broker: Broker, depth: int) -> None:
    """The first queue, up to this depth; returns when the broker's statistics know of it."""
    from switchyard.broker.management import Management
    from switchyard.metrics.state import read_yard
    from switchyard.routing import QUEUES

    name = next(iter(QUEUES))
    with Management.from_settings() as management:

        def known() -> int:
            return read_yard(management).states[name].messages or 0

        publish(broker, name, depth - known())
        eventually(lambda: known() >= depth, within=STATISTICS_SECONDS, what=f"{depth} messages in {name}")


def publish(broker: Broker, queue: str, count: int) -> None:
    parts = urlsplit(broker.url)
    patience = {socket.TCP_USER_TIMEOUT: 120_000}
    host = f"{parts.hostname}:{parts.port}"
    link = amqp.Connection(host, parts.username, parts.password, socket_settings=patience)
    link.connect()
    channel = link.channel()
    for number in range(count):
        channel.basic_publish(amqp.Message("{}", delivery_mode=2), routing_key=queue)
        if number % 1000 == 0:
            channel.queue_declare(queue, passive=True)
    link.close()


def scrapes(registry: CollectorRegistry, queues: int, depth: int) -> None:
    seconds, page = [], b""
    generate_latest(registry)
    for _ in range(SCRAPES):
        began = time.perf_counter()
        page = generate_latest(registry)
        seconds.append(time.perf_counter() - began)
    series = sum(1 for line in page.splitlines() if not line.startswith(b"#"))
    whole = b"switchyard_broker_up 1.0" in page and b"switchyard_database_up 1.0" in page
    print(
        f"{queues:4} queues {depth:8} messages: median {statistics.median(seconds) * 1000:6.0f} ms, "
        f"longest {max(seconds) * 1000:6.0f} ms, {series:5} series, {len(page) // 1024} KiB"
        + ("" if whole else ", INCOMPLETE"),
        flush=True,
    )


if __name__ == "__main__":
    main()
