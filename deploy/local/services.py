"""What the service needs beside itself: a broker, a database and somebody who takes its mail."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.home import kept_secret
from deploy.local.postgres import Postgres, start_postgres
from deploy.local.rabbitmq import Broker, start_broker
from deploy.local.smtp import Mailbox, start_smtp


@dataclass(frozen=True)
class Services:
    home: Path
    broker: Broker
    postgres: Postgres
    mailbox: Mailbox

    def environment(self) -> dict[str, str]:
        """The variables with which any role of the service finds them."""
        return {
            "SECRET_KEY": kept_secret(self.home / "secret-key", 32),
            "DEBUG": "true",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "ENVIRONMENT": "local",
            "DATABASE_URL": self.postgres.url,
            "BROKER_URL": self.broker.url,
            "BROKER_MANAGEMENT_URL": self.broker.management_url,
            "EMAIL_HOST": self.mailbox.host,
            "EMAIL_PORT": str(self.mailbox.port),
        }


@contextmanager
def start_services(home: Path) -> Iterator[Services]:
    """All three, ready; ended in reverse order with the block."""
    with (
        start_postgres(home / "postgres") as postgres,
        start_broker(home / "rabbitmq", log=home / "rabbitmq" / "log.txt") as broker,
        start_smtp(home / "mail") as mailbox,
    ):
        yield Services(home, broker, postgres, mailbox)
