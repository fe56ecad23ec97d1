from django.urls import path

from app.webhooks.views import register

urlpatterns = [path("webhooks", register, name="webhooks")]
