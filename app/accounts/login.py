"""The admin's log-in, of which there are so many an hour."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from app.accounts.client import client_address
from app.accounts.limits import of_login
from app.accounts.throttle import TooMany, admit

#: Of a name, that tell one from another.
NAME_LIMIT = 100
PAGE = "<!doctype html><html lang=en><title>Too many</title><h1>Too many attempts (429)</h1><p>{}"


def login(request: HttpRequest) -> HttpResponse:
    """As the admin's own; 429 for who tries too often, before the password is looked at."""
    if request.method == "POST":
        name = request.POST.get("username", "").strip().lower()[:NAME_LIMIT]
        try:
            admit(*of_login(client_address(request), name))
        except TooMany as refused:
            sentence = f"Try again in {refused.seconds} seconds."
            return HttpResponse(
                PAGE.format(sentence), status=429, headers={"Retry-After": str(refused.seconds)}
            )
    return admin.site.login(request)
