from django.urls import include, path

from cargo import tasks as _  # noqa: F401 - so that the app has them by name
from tests.faults.ledger.views import promise

urlpatterns = [path("promise", promise), path("", include("app.urls"))]
