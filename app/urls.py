from django.contrib import admin
from django.urls import include, path

from app.accounts.login import login

handler400 = "app.accounts.api.bad_request"
handler404 = "app.accounts.api.not_found"
handler500 = "switchyard.process.unavailable.server_error"

urlpatterns = [
    path("admin/login/", login),
    path("admin/", admin.site.urls),
    path("", include("app.accounts.urls")),
    path("", include("app.reports.urls")),
    path("", include("app.webhooks.urls")),
]
