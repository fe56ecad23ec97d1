from django.apps import AppConfig


class SwitchyardConfig(AppConfig):
    name = "app"
    label = "switchyard"
    verbose_name = "Switchyard"

    def ready(self) -> None:
        from app.celery import app
        from app.tasks import context, journal
        from app.tasks.checks import register_checks

        app.set_default()
        context.connect()
        journal.connect()
        register_checks()
