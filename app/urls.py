from django.contrib import admin
from django.urls import include, path

handler400 = "app.accounts.api.bad_request"
handler404 = "app.accounts.api.not_found"
handler500 = "switchyard.process.unavailable.server_error"

urlpatterns = [
    # Before the admin, whose log-in it limits.
    path("", include("app.accounts.urls")),
    path("admin/", admin.site.urls),
    path("", include("app.reports.urls")),
    path("", include("app.webhooks.urls")),
]
