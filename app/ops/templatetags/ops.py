"""Numbers and times as somebody reads them who has little time."""

import json
import math
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html

register = template.Library()

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@register.filter
def duration(seconds: float | None) -> str:
    """The two largest units of it: ``4 min 10 s``; ``never`` for infinity, ``-`` for what is not known."""
    if seconds is None:
        return "-"
    if math.isinf(seconds):
        return "never"
    left = round(seconds)
    if left < 1:
        return f"{seconds:.1f} s" if seconds > 0 else "0 s"
    parts: list[str] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(filter(None, parts[:2]))


@register.filter
def count(number: float | None) -> str:
    return "-" if number is None else f"{number:,.0f}"


@register.filter
def rate(number: float | None) -> str:
    """Messages a second, with a digit where it says something."""
    if number is None:
        return "-"
    return f"{number:,.1f}/s" if abs(number) < 100 else f"{number:,.0f}/s"


@register.filter
def signed(number: float | None) -> str:
    if number is None:
        return "-"
    # What would be shown as 0.0 has no sign.
    return rate(0.0) if abs(number) < 0.05 else f"{'+' if number > 0 else '-'}{rate(abs(number))}"


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
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
