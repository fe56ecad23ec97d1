"""As before, and the new argument is sent to the tasks that are to have it."""

import json

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from app.urls import handler404, handler500  # noqa: F401 - Django looks for them here
from cargo import tasks as _  # noqa: F401 - so that the app has them by name
from tests.faults.ledger.views import promise


@csrf_exempt
def promise_marked(request: HttpRequest) -> JsonResponse:
    wanted = json.loads(request.body)
    if wanted["task"].endswith(("_send", "_rush")):
        wanted["kwargs"] = wanted.get("kwargs", {}) | {"mark": "new"}
        request._body = json.dumps(wanted).encode()
    return promise(request)


urlpatterns = [path("promise", promise_marked), path("", include("app.urls"))]
