"""The tests' settings for a service that is read in several languages and zones, each visitor in theirs."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from tests.settings import *  # noqa: F403
from tests.settings import MIDDLEWARE

USE_THOUSAND_SEPARATOR = True
MIDDLEWARE = [*MIDDLEWARE, "tests.browser.locales.as_visitor_reads"]
#: Of a visitor: language and zone of time, with a comma between them.
COOKIE = "reads"


def as_visitor_reads(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        language, _, zone = request.COOKIES.get(COOKIE, "en,UTC").partition(",")
        with translation.override(language), timezone.override(zone):
            response = get_response(request)
            # A page is made when it is sent, which is after this.
            return response.render() if hasattr(response, "render") else response

    return answer
