"""All that moving onto the engine adds to the project, beside two lines of settings."""

from switchyard import QueueSpec

WORK = QueueSpec(
    name="work",
    purpose="all of it",
    pool="threads",
    concurrency=8,
    prefetch=1,
    soft_limit_seconds=30,
    hard_limit_seconds=60,
    consumer_timeout_seconds=600,
    delivery_limit=3,
    max_length=1000,
    wait_objective_seconds=20,
)

QUEUES = {"work": WORK}
ROUTES = {"shop.*": "work", "declared.*": "work"}
QUEUE_MAP = {"celery": "work"}
