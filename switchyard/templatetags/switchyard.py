"""Formats numbers and times on a page."""

import json
from datetime import datetime
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from switchyard.identity import environment as where
from switchyard.ops.format import amount, count, duration, rate, signed
from switchyard.text import printable

register = template.Library()

for each in (amount, count, duration, rate, signed):
    register.filter(each)


@register.filter
def ago(moment: datetime | str | None) -> str:
    """Relative, with the time itself (UTC) for whoever points at it. Text that is no time stays as it is."""
    if isinstance(moment, str):
        try:
            return ago(datetime.fromisoformat(moment))
        except ValueError:
            return moment
    if moment is None:
        return "-"
    seconds = (timezone.now() - moment).total_seconds()
    said = f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"
    full = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), full, said)


@register.filter
def as_json(value: Any) -> str:
    """As JSON, of which a page can hold every character and a browser obeys none."""
    return printable(json.dumps(value, indent=2, ensure_ascii=False, default=str), lines=True)


@register.filter
def shown(value: Any) -> str:
    """A name that somebody chose, in which nothing turns the writing around."""
    return printable(str(value))


@register.simple_tag
def environment() -> dict[str, str]:
    """Its name and its colour."""
    return {"name": where.name(), "colour": where.colour()}


@register.filter
def known(figure: str) -> str:
    """A figure of a page: what nobody could say is said to be so in its place."""
    return "not known" if figure == "-" else figure


@register.filter
def turned(request: HttpRequest, number: int) -> str:
    """The address of another page of what is shown."""
    query = request.GET.copy()
    query["page"] = str(number)
    return f"?{query.urlencode()}"
