"""A real SMTP server on loopback that keeps every message as a file, for a person to read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.home import make_folder
from deploy.local.ports import LOOPBACK, free_ports


class Mailbox:
    """The messages in `folder`, numbered in the order in which they came."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = LOOPBACK
        self.port = free_ports(1)[0]
        make_folder(folder)
        self._next = 1 + max((int(file.stem) for file in folder.glob("*.eml")), default=0)

    def count(self) -> int:
        return sum(1 for _ in self.folder.glob("*.eml"))

    def last_token(self) -> str:
        """Of the newest letter that has one, as the service writes it on a line of its own; or empty."""
        for file in sorted(self.folder.glob("*.eml"), reverse=True):
            if found := re.search(r"^ {4}([\w-]{43})\r?$", file.read_text(errors="replace"), re.MULTILINE):
                return found[1]
        return ""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's own hook; answers only when the message is in its file."""
        (self.folder / f"{self._next:05}.eml").write_bytes(envelope.original_content or b"")
        self._next += 1
        return "250 Message kept"


@contextmanager
def start_smtp(folder: Path) -> Iterator[Mailbox]:
    mailbox = Mailbox(folder)
    controller = Controller(mailbox, hostname=mailbox.host, port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
