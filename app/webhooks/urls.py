from django.urls import path

from app.webhooks.views import register, rotate, show

urlpatterns = [
    path("webhooks", register, name="webhooks"),
    path("webhooks/<int:target_id>", show, name="webhook"),
    path("webhooks/<int:target_id>/secret", rotate, name="webhook-secret"),
]
