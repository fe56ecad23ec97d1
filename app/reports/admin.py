from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from app.reports.models import Part, Report
from switchyard import ReadOnlyAdmin


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    list_display = ("id", "owner", "days", "shown_state", "progress_percent", "created_at", "finished_at")
    list_filter = ("state", "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "owner__username")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        return super().get_queryset(request).defer("csv", "chart")


@admin.register(Part)
class PartAdmin(ReadOnlyAdmin):
    list_display = ("report", "index", "counts")
    list_select_related = ("report",)
