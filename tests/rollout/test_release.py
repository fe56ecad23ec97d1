"""A release whose migration waits for a long SELECT, beside another of its kind, and the way back."""

import pytest
from django.db import connection

from switchyard.outbox.models import Message
from switchyard.pooler import connected
from tests.faults.ledger.models import Promise
from tests.live.processes import eventually
from tests.rollout.cluster import Cluster
from tests.rollout.load import Load
from tests.rollout.pod import Pod
from tests.rollout.service import Service
from tests.rollout.test_rolling_upgrade import running

#: How often a release gives way, at least, while the SELECT is open. Requests wait for 2 s each time.
ATTEMPTS = 2


@pytest.fixture
def old_schema(transactional_db: None) -> None:
    """Without what the new image's migration adds, which no flush takes away."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE ledger_promise DROP COLUMN IF EXISTS cargo;"
            "DELETE FROM django_migrations WHERE app = 'cargo'"
        )


@pytest.mark.timeout(900)
def test_two_releases_behind_a_long_select_fail_no_request_and_the_older_image_runs_on_the_newer_schema(
    old_schema: None, cluster: Cluster, service: Service
) -> None:
    running(cluster, "web")
    with Load(service.url, cluster.host, per_second=6) as load:
        with connected(application_name="a report") as report, report.transaction():
            report.execute("SELECT count(*) FROM ledger_promise")
            releases = [cluster.start_job("release", "new") for _ in range(2)]
            eventually(lambda: said(releases).count("gave_way") >= ATTEMPTS, within=300)
            assert all(job.popen.poll() is None for job in releases)
        assert [job.popen.wait(180) for job in releases] == [0, 0], said(releases)
        assert said(releases).count("Applying cargo.0001_a_column... OK") == 1
        assert "(a report" in said(releases)
        assert "Another release runs since" in said(releases)
        cluster.apply("new", "web")
        cluster.until_rolled()
        # Back: its release finds nothing to migrate, and what it writes has no such column.
        cluster.run_job("release", "old")
        cluster.apply("old", "web")
        cluster.until_rolled()
    assert load.failed == {}
    assert {*load.accepted} == {*Promise.objects.values_list("key", flat=True)}
    assert Message.objects.count() == len(load.accepted)
    assert cluster.complaints() == []


def said(releases: list[Pod]) -> str:
    return "".join(job.text() for job in releases)
