"""What the registration of a target must say, as far as it can be told without asking anybody."""

import re
from ipaddress import ip_address
from typing import Any

import httpx
from django import forms
from django.conf import settings

from app.accounts.fields import Choices, Text
from app.webhooks.addresses import is_public
from app.webhooks.models import Kind

URL_LIMIT = 500

#: The characters of RFC 3986, which whoever reads our answers goes by.
OF_A_URL = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")


class TargetForm(forms.Form):
    url = Text(max_length=URL_LIMIT, strip=False)
    events = Choices(choices=Kind.choices)

    def clean_url(self) -> str:
        """An http or https URL. What its name resolves to is looked at by whoever sends something there."""
        text: str = self.cleaned_data["url"]
        if not OF_A_URL.fullmatch(text):
            raise forms.ValidationError("A URL is of ASCII: write what is not, and blanks, as %C3%A9.")
        try:
            url = httpx.URL(text)
            host = url.raw_host.decode("ascii")
        except (httpx.InvalidURL, ValueError) as error:
            raise forms.ValidationError(f"Not a URL: {error}.") from error
        if url.scheme not in {"http", "https"} or not host:
            raise forms.ValidationError("Expected a URL as https://example.com/hook (http or https).")
        if url.port is not None and not 0 < url.port < 65536:
            raise forms.ValidationError(f"Expected a port from 1 to 65535, got {url.port}.")
        if url.userinfo or url.fragment:
            raise forms.ValidationError("A user, a password or a fragment cannot be part of the URL.")
        if not settings.WEBHOOKS_ALLOW_PRIVATE and _is_private(host):
            raise forms.ValidationError(f"The address {host} is not on the public internet.")
        self.host = host.lower().rstrip(".")
        return text

    def clean(self) -> dict[str, Any]:
        return {**self.cleaned_data, "host": getattr(self, "host", "")}


def _is_private(host: str) -> bool:
    """An address that is written as one. A name is not asked for here."""
    try:
        return not is_public(ip_address(host.strip("[]")))
    except ValueError:
        return False
