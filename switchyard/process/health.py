"""Answers probes: ``/livez`` that the process answers, ``/readyz`` that it also can write to the database.

Web is ready over a database of another installation too, where relay, beat and workers stand still, and says
so: from there somebody decides what becomes of it.

Neither asks the broker: web goes on accepting while it is away.
"""

from collections.abc import Callable

from django.db import Error, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from switchyard.identity.installation import foreign
from switchyard.postgresql.health import drop


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
    """200 if the database answers and takes writes, else 503."""
    try:
        connection.ensure_connection()
        if connection.is_usable():
            stands_still = foreign()
            return JsonResponse({"ready": True} | ({"stands_still": stands_still} if stands_still else {}))
        found = "takes no writes, or does not answer"
        drop(connection)
    except Error as error:
        found = type(error).__name__
    return JsonResponse({"ready": False, "database": found}, status=503)
