from django.apps import AppConfig


class ScheduleConfig(AppConfig):
    name = "app.schedule"
    label = "schedule"
