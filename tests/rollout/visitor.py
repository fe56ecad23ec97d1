"""Somebody who is logged in to the admin, and goes on clicking."""

import re
import threading
from dataclasses import dataclass, field

import httpx
from django.contrib.auth.models import User
from django.test import Client


@dataclass
class Visitor:
    """``logged_out`` counts the answers that sent them to the login page."""

    url: str
    host: str
    session: str
    answers: int = 0
    logged_out: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Visitor":
        self._thread = threading.Thread(target=self._click, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread
        self._thread.join(60)

    def is_known(self) -> bool:
        """Open the admin's first page, and keep the session's new key if there is one."""
        headers = {"Host": self.host, "X-Forwarded-Proto": "https", "Cookie": f"sessionid={self.session}"}
        answer = httpx.get(f"{self.url}/admin/", headers=headers, timeout=30, trust_env=False)
        if changed := re.search(r"sessionid=(\w+);", answer.headers.get("set-cookie", "")):
            self.session = changed[1]
        assert answer.status_code in {200, 302}, answer.text
        return answer.status_code == 200

    def _click(self) -> None:
        while not self._stop.wait(0.1):
            self.logged_out += not self.is_known()
            self.answers += 1


def logged_in() -> str:
    """A session, signed with the SECRET_KEY of Django's settings as they are at the moment."""
    user, _ = User.objects.get_or_create(username="operator", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value
