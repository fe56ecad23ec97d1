from django.urls import include, path

from app.urls import handler404, handler500  # noqa: F401 - Django looks for them here
from cargo import tasks as _  # noqa: F401 - so that the app has them by name
from tests.faults.ledger.views import promise

urlpatterns = [path("promise", promise), path("", include("app.urls"))]
