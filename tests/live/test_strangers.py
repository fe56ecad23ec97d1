"""A worker beside those of somebody else's application, in the same vhost."""

import sys

import pytest
from celery import Celery

from app.celery import app
from tests.live.broker import Vhost
from tests.live.processes import Processes, eventually

pytestmark = pytest.mark.every_broker


def test_a_strangers_remote_control_ends_their_worker_and_not_ours(yard: Processes, vhost: Vhost) -> None:
    ours = yard.worker("io")
    stock = [sys.executable, "-m", "celery", "-b", vhost.url, "worker", "--pool=solo", "-Q", "theirs"]
    theirs = yard.start_command([*stock, "-n", "theirs@there", "--loglevel=INFO"])
    eventually(lambda: " ready." in theirs.text(), what="a stock worker")
    stranger = Celery("stranger", set_as_current=False, broker=vhost.url)
    found = stranger.control.inspect(timeout=5).ping()
    assert found
    assert [*found] == ["theirs@there"]
    stranger.control.shutdown()
    assert theirs.wait() == 0
    # Whoever has our app still asks our worker, which would have been told before this.
    found = app.control.inspect(timeout=20, limit=1).ping()
    assert found
    assert [name.partition("@")[0] for name in found] == ["io"]
    assert ours.popen.poll() is None
    assert not ours.events("worker_draining")
