"""Has every page of HTML say what it may load and where it may be framed: nothing of others, and nowhere.

A middleware, before those that make pages. A page with a policy of its own keeps it; Django 6 has a setting
for this (``SECURE_CSP``), which goes further in and therefore first.
"""

from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from switchyard.ops.pages import CONTENT_SECURITY_POLICY

HEADER = "Content-Security-Policy"


@sync_and_async_middleware
def ContentPolicy(get_response: Any) -> Any:  # noqa: N802 - a middleware, named as those that are classes
    """As the pages of operations have it, on the admin's other pages too."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _with_policy(get_response(request))

    async def answer_async(request: HttpRequest) -> HttpResponseBase:
        return _with_policy(await get_response(request))

    return answer_async if iscoroutinefunction(get_response) else answer


def _with_policy(response: HttpResponseBase) -> HttpResponseBase:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers.setdefault(HEADER, CONTENT_SECURITY_POLICY)
    return response
