"""A mail server for tests, which can be told to misbehave."""

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller

from deploy.local.ports import LOOPBACK, free_ports

ACCEPT = "250 OK"
#: Instead of an answer: the connection ends after the mail has been sent.
DROP = "drop"
#: The same, but the mail will be delivered.
ACCEPT_AND_DROP = "accept and drop"


class Mailbox:
    """Keeps what it accepted in ``mails``. ``answers`` are given to the next mails, then all are accepted."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.on_mail: Callable[[], None] = lambda: None
        self.port = free_ports(1)[0]
        self._controller = Controller(self, hostname=LOOPBACK, port=self.port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.on_mail()
        answer = self.answers.pop(0) if self.answers else ACCEPT
        if answer in {ACCEPT, ACCEPT_AND_DROP}:
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        if answer in {DROP, ACCEPT_AND_DROP}:
            server.transport.close()
        return answer
