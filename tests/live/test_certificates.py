"""A certificate of the broker's that expires is said once, waited out and costs nothing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db.models import Count

from app.celery import app
from tests.certificates import Authority, serving
from tests.faults.proxy import Proxy
from tests.gallery.models import Run
from tests.live.broker import Vhost, dead
from tests.live.processes import Processes, eventually

DAY = timedelta(days=1)


@pytest.fixture
def renewed(yard: Processes, vhost: Vhost, tmp_path: Path) -> Iterator[Any]:
    """Roles reach the broker by TLS. Renews the certificate, from and until then, and cuts connections."""
    authority = Authority(tmp_path)
    number = iter(range(10))

    def another(begins: timedelta, ends: timedelta) -> Path:
        return authority.signed(f"server-{next(number)}", begins=begins, ends=ends)

    parts = urlsplit(vhost.url)
    context = serving(another(-DAY, DAY))
    with Proxy(parts.port or 0, context) as proxy:

        def renew(begins: timedelta, ends: timedelta) -> None:
            context.load_cert_chain(another(begins, ends))
            proxy.cut()

        where = parts.netloc.replace(f":{parts.port}", f":{proxy.port}")
        yard.environment |= {
            "BROKER_URL": f"amqps://{where}{parts.path}",
            "SSL_CERT_FILE": str(authority.certificate),
        }
        yield renew
        # Before the proxy is gone, whose end they would write down.
        yard.end()


def test_relay_and_worker_say_it_once_back_off_and_go_on_by_themselves(
    renewed: Any, yard: Processes, channel: Any
) -> None:
    wait = app.tasks["gallery.io_wait"]
    roles = [yard.worker("io"), yard.relay()]
    wait.delay_on_commit("begun before", 2)
    eventually(Run.objects.exists, what="a task that runs")
    renewed(-2 * DAY, -DAY)
    wait.delay_on_commit("sent meanwhile")
    for role in roles:
        [said] = eventually(lambda role=role: role.events("tls_refused"))
        assert "certificate has expired" in said["reason"]
        assert "BROKER_URL" in said.get("remedy", said["reason"])
    eventually(Run.objects.filter(finished__isnull=False).exists, what="the end of what ran")
    renewed(-DAY, DAY)
    finished = Run.objects.filter(finished__isnull=False)
    eventually(lambda: finished.filter(key="sent meanwhile").exists(), what="what was sent meanwhile")
    assert list(Run.objects.values_list("key").annotate(Count("id")).order_by("key")) == [
        ("begun before", 1),
        ("sent meanwhile", 1),
    ]
    assert dead(channel) == 0
    for role in roles:
        assert len(role.events("tls_refused")) == 1
        assert role.text().count("certificate has expired") < 8
