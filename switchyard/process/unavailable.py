"""Answers 503, and when to come again, to a request that met a database or a broker which is away.

All else that went wrong is answered 500. Both are in JSON, but for who would rather have HTML.

For ``handler500`` of a URLconf, in the place of Django's own: whoever retries and whoever balances the load
can tell an outage from a fault of the service, while the error is logged and reported as any other (also one
of a middleware's). What a statement itself is to blame for (a time-out, a lock, a transaction that is
read-only by its own choice) stays a 500. With DEBUG Django shows its own page.
"""

import sys
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from switchyard.outage import BROKER_IS_AWAY
from switchyard.sqlstate import is_away

#: About what a failover takes.
RETRY_AFTER_SECONDS = 10
#: Of an error, that are looked at.
MOST_CAUSES = 10

SENTENCE = f"The {{}} cannot be reached, or is busy. Try again in {RETRY_AFTER_SECONDS} seconds."
FAULT = "Something is wrong here, and has been written down. The same request may fail again."
PAGE = (
    "<!doctype html><html lang=en><title>Service Unavailable</title><h1>Service Unavailable (503)</h1><p>{}"
)

JSON, HTML = "application/json", "text/html"


def server_error(request: HttpRequest) -> HttpResponse:
    """To the error that is being handled."""
    away = what_is_away(sys.exc_info()[1])
    html = request.get_preferred_type([JSON, HTML]) == HTML
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if not away:
        if html:
            return defaults.server_error(request)
        return JsonResponse({"errors": {"server": [FAULT]}}, status=500, headers=headers)
    sentence = SENTENCE.format(away)
    headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if html:
        return HttpResponse(PAGE.format(sentence), status=503, headers=headers)
    return JsonResponse({"errors": {away: [sentence]}}, status=503, headers=headers)


def what_is_away(error: BaseException | None) -> str:
    """``database`` or ``broker``, by the error or by what it was raised from; or empty."""
    for cause in _causes(error):
        if is_away(cause):
            return "database"
        if isinstance(cause, BROKER_IS_AWAY):
            return "broker"
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Such as that of Django's error for who goes on in a transaction whose connection was lost."""
    for _ in range(MOST_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__
