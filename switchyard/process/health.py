"""Answers probes: ``/livez`` that the process answers, ``/readyz`` that it also reaches the database.

Neither asks the broker: web goes on accepting while it is away.
"""

from collections.abc import Callable

from django.db import Error, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse


class Probes:
    """Answers before any other middleware: a probe asks by the pod's address, not by an allowed host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        match request.path:
            case "/livez":
                return JsonResponse({"alive": True})
            case "/readyz":
                return readiness()
        return self.get_response(request)


def readiness() -> JsonResponse:
    """200 if the database answers, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        return JsonResponse({"ready": False, "database": type(error).__name__}, status=503)
    return JsonResponse({"ready": True})
