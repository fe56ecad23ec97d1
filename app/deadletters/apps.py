from django.apps import AppConfig


class DeadLettersConfig(AppConfig):
    name = "app.deadletters"
    label = "deadletters"
    verbose_name = "Dead letters"
