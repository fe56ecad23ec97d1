from django.urls import path

from app.reports.views import create, download_chart, download_csv, show

urlpatterns = [
    path("reports", create, name="reports"),
    path("reports/<uuid:report_id>", show, name="report"),
    path("reports/<uuid:report_id>/events.csv", download_csv, name="report-csv"),
    path("reports/<uuid:report_id>/chart.svg", download_chart, name="report-chart"),
]
