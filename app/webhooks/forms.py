"""What the registration of a target must say."""

import httpx
from django import forms

from app.accounts.fields import Choices, Text
from app.webhooks.addresses import TargetPrivate, TargetUnresolved, resolve
from app.webhooks.models import Kind

URL_LIMIT = 500


class TargetForm(forms.Form):
    url = Text(max_length=URL_LIMIT)
    events = Choices(choices=Kind.choices)

    def clean_url(self) -> str:
        """An http or https URL that may be delivered to now; every delivery looks again."""
        text: str = self.cleaned_data["url"]
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
        try:
            resolve(host, url.port or 443)
        except (TargetPrivate, TargetUnresolved) as error:
            raise forms.ValidationError(str(error)) from error
        return text
