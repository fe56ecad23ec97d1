"""A real RabbitMQ broker for this machine: the one that is given, or a private one of our own."""

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from deploy.local.errors import LocalError
from deploy.local.home import check_space, claimed, kept_secret
from deploy.local.ports import LOOPBACK
from deploy.local.readiness import given_version, ready_version
from deploy.local.servers import USER, Server, choose_server

START_SECONDS = 180
OLDEST = (3, 10)


@dataclass
class Broker:
    """A broker that answers. Without a server of ours it is someone else's: used, never started nor ended."""

    url: str
    management_url: str
    log: Path
    version: str = ""
    server: Server | None = field(default=None, repr=False)
    claims: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def name(self) -> str:
        return f"RabbitMQ {self.version}" if self.version else "The broker of BROKER_URL"

    def start(self) -> None:
        """Starts it (again) on the same ports and data; returns when AMQP and the management API answer."""
        server = self._ours("started")
        server.start()
        self.version = ready_version(self.url, self.management_url, server.running, self.log, START_SECONDS)

    def stop(self) -> None:
        """Ends it in order, with everything it started; a broker that was given is left alone."""
        if self.server is not None:
            self.server.stop()

    def kill(self) -> None:
        """SIGKILL, as a machine that loses power would: nothing is flushed, nobody is told."""
        self._ours("killed").kill()

    def ctl(self, *arguments: str) -> str:
        """Runs rabbitmqctl against this broker and returns what it printed."""
        return self._ours("controlled").ctl(*arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.claims.close()

    def _ours(self, verb: str) -> Server:
        if self.server is None:
            raise LocalError(
                f"The broker of BROKER_URL cannot be {verb} from here; unset it for a private one."
            )
        return self.server


def start_broker(home: Path, *, log: Path) -> Broker:
    """A broker that is ready: BROKER_URL's, or a private one with its data in `home`, its output in `log`.

    RABBITMQ_SUITE names another release of the distribution to take it from; its data is kept apart, for an
    older broker cannot read a newer one's.
    """
    if os.environ.get("BROKER_URL"):
        return _given(os.environ["BROKER_URL"], os.environ.get("BROKER_MANAGEMENT_URL", ""), log)
    suite = os.environ.get("RABBITMQ_SUITE", "")
    with ExitStack() as claims:
        home = claims.enter_context(claimed(home / suite))
        check_space(home)
        broker = _private(choose_server(home, log, suite), kept_secret(home / "password"), log)
        claims.callback(broker.stop)
        broker.start()
        _check_version(broker)
        broker.claims = claims.pop_all()
    return broker


def _given(url: str, management_url: str, log: Path) -> Broker:
    return Broker(url, management_url, log, given_version(url, management_url))


def _private(server: Server, password: str, log: Path) -> Broker:
    account = f"{USER}:{quote(password)}@{LOOPBACK}"
    return Broker(
        f"pyamqp://{account}:{server.port}/%2F",
        f"http://{account}:{server.management_port}",
        log,
        server=server,
    )


def _check_version(broker: Broker) -> None:
    if tuple(int(part) for part in broker.version.split(".")[:2]) < OLDEST:
        raise LocalError(
            f"RabbitMQ {broker.version} is too old, {'.'.join(map(str, OLDEST))} or newer is needed: "
            "point BROKER_URL and BROKER_MANAGEMENT_URL at one, or install one."
        )
