from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from app.admin import Unedited
from app.reports.models import Part, Report


@admin.register(Report)
class ReportAdmin(Unedited):
    list_display = ("id", "owner", "days", "shown_state", "progress_percent", "created_at", "finished_at")
    list_filter = ("state", "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "owner__username")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        return super().get_queryset(request).defer("csv", "chart")


@admin.register(Part)
class PartAdmin(Unedited):
    list_display = ("report", "index", "counts")
    list_select_related = ("report",)
