from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "app.metrics"
    label = "metrics"
