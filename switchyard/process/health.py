"""Answers probes: ``/livez`` that the process answers, ``/readyz`` that it also can write to the database.

Web is ready over a database of another installation too, where relay, beat and workers stand still, and says
so: from there somebody decides what becomes of it.

Neither asks the broker: web goes on accepting while it is away. On web's own port they share its threads with
its users, for whoever has no other; Kubernetes asks on the port of the metrics (``probes``).
"""

from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import Error, connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from switchyard.identity.installation import foreign
from switchyard.postgresql.health import drop


@sync_and_async_middleware
def Probes(get_response: Any) -> Any:  # noqa: N802 - a middleware, named as those that are classes
    """Answers before any other middleware: a probe asks by the pod's address, not by an allowed host."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        match request.path:
            case "/livez":
                return alive()
            case "/readyz":
                return readiness()
        return get_response(request)  # type: ignore[no-any-return]

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        match request.path:
            case "/livez":
                return alive()
            case "/readyz":
                return await sync_to_async(readiness)()
        return await get_response(request)  # type: ignore[no-any-return]

    return answer_async if iscoroutinefunction(get_response) else answer


def alive() -> JsonResponse:
    return JsonResponse({"alive": True})


def readiness() -> JsonResponse:
    """200 if the database answers and takes writes, else 503."""
    good, words = look_at_database()
    return JsonResponse(words, status=200 if good else 503)


def look_at_database() -> tuple[bool, dict[str, Any]]:
    """Whether it answers and takes writes, and what is to be said of it."""
    try:
        connection.ensure_connection()
        if connection.is_usable():
            stands_still = foreign()
            return True, {"ready": True} | ({"stands_still": stands_still} if stands_still else {})
        found = "takes no writes, or does not answer"
        drop(connection)
    except Error as error:
        found = type(error).__name__
    return False, {"ready": False, "database": found}
