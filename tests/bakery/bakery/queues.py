from dataclasses import replace

from celery.schedules import crontab

from switchyard import QueueSpec, ScheduleEntry

DOUGH = QueueSpec(
    name="dough",
    purpose="rises by itself",
    pool="threads",
    concurrency=4,
    prefetch=1,
    soft_limit_seconds=30,
    hard_limit_seconds=60,
    consumer_timeout_seconds=600,
    delivery_limit=3,
    max_length=1000,
    wait_objective_seconds=20,
)
BREAD = replace(DOUGH, name="bread", purpose="keeps an oven busy", pool="prefork", concurrency=1)

QUEUES = {spec.name: spec for spec in (DOUGH, BREAD)}
ROUTES = {"bakery.*": DOUGH.name, "orders.bake": BREAD.name, "orders.*": DOUGH.name}
SCHEDULE = {
    "order flour": ScheduleEntry(
        task="orders.order_flour", crontab=crontab(hour=5, minute=0), purpose="before the shop opens"
    )
}
