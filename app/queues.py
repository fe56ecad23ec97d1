"""The queues of the service, which task runs in which, and what the clock sends: the one home of these facts.

Celery's queues and routes, the broker's policies, a worker's command line, metric labels and checks are all
derived from here. To add a queue, add a ``QueueSpec``; to route a task, add a line to ``ROUTES``; to send one
by the clock, add an entry to ``SCHEDULE``.
"""

from celery.schedules import crontab

from switchyard import QueueSpec, ScheduleEntry

IO = QueueSpec(
    name="io",
    purpose="waits for somebody else: mail, HTTP, the database",
    pool="threads",
    concurrency=100,
    prefetch=1,
    soft_limit_seconds=60,
    hard_limit_seconds=90,
    consumer_timeout_seconds=1800,
    delivery_limit=5,
    max_length=2_000_000,
    wait_objective_seconds=10,
)

CPU = QueueSpec(
    name="cpu",
    purpose="computes: reports, images, anything that keeps a core busy",
    pool="prefork",
    concurrency=2,
    prefetch=1,
    soft_limit_seconds=540,
    hard_limit_seconds=600,
    consumer_timeout_seconds=1800,
    delivery_limit=5,
    max_length=2_000_000,
    wait_objective_seconds=300,
)

QUEUES = {spec.name: spec for spec in (IO, CPU)}

#: Task-name pattern to queue name. A name without ``*`` wins over a pattern; of the patterns the first wins.
ROUTES = {
    "accounts.*": IO.name,
    "reports.mail_link": IO.name,
    "reports.*": CPU.name,
    "webhooks.*": IO.name,
}

#: Entry to what is sent when, in UTC. ``python -m app release`` brings it to the database.
SCHEDULE = {
    "purge expired tokens": ScheduleEntry(
        task="accounts.purge_expired_tokens",
        crontab=crontab(hour=3, minute=0),
        purpose="tokens that no longer open anything and sign-up counts that no longer limit anything",
    ),
    "purge webhooks": ScheduleEntry(
        task="webhooks.purge",
        crontab=crontab(hour=3, minute=20),
        purpose="events and deliveries of long ago, and targets that never answered their challenge",
    ),
}
