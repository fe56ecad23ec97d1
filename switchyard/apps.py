"""The engine as one Django app: its signals, its own tasks and its checks.

However the rooms below are cut, tables, permissions and migrations have this one app's label.
"""

from importlib import import_module

from django.apps import AppConfig

from switchyard import database_router
from switchyard.checks import register_rules

#: What listens to signals: of Django's, of Celery's and of django-structlog's.
CONNECTED = (
    "switchyard.outbox.context",
    "switchyard.outbox.journal",
    "switchyard.process.request_lines",
    "switchyard.ops.audit",
)
#: Where the engine declares tasks of its own, and checks.
TASKS = ("switchyard.tasks.once", "switchyard.backend.models", "switchyard.metrics.canary")
CHECKS = (
    "switchyard.tasks.checks",
    "switchyard.tasks.declarations",
    "switchyard.tasks.promise_checks",
    "switchyard.schedule.checks",
    "switchyard.process.broker_checks",
    "switchyard.process.checks",
    "switchyard.identity.checks",
)
#: Of these, the rules that ask the database.
DATABASE_CHECKS = (
    "switchyard.schedule.checks",
    "switchyard.process.pooler_checks",
    "switchyard.identity.checks",
)
#: For ``check --deploy`` alone.
DEPLOY_CHECKS = ("switchyard.process.static_checks",)


class SwitchyardConfig(AppConfig):
    name = "switchyard"
    label = "switchyard"
    verbose_name = "Switchyard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Models can be imported only now, and so can what imports them."""
        database_router.install()
        import_module("switchyard.process.logs").record_only_what_is_written()
        for name in CONNECTED:
            import_module(name).connect()
        for name in TASKS:
            import_module(name)
        rules = [rule for name in CHECKS for rule in import_module(name).RULES]
        asking = [rule for name in DATABASE_CHECKS for rule in import_module(name).DATABASE_RULES]
        deploying = [rule for name in DEPLOY_CHECKS for rule in import_module(name).DEPLOY_RULES]
        register_rules(rules, asking, deploying)
