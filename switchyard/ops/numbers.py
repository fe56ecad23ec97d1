"""Reads whole numbers as people write them: 12000, and 12,000, 12.000 or 12 000 where that is usual.

A form's own field would take 12.000 for 12, as a number with a fraction of nothing.
"""

import re
from typing import Any

from django import forms
from django.utils.formats import get_format

_DIGITS = re.compile(r"\d+")
#: Two or three after the first: India groups by two.
_GROUPED = r"\d{1,3}(?:%s\d{2,3})*%s\d{3}"
#: As these pages themselves write numbers.
OURS = ","


def whole_number(text: str) -> int | None:
    """None if it is none, or could be another in the language that is in force."""
    text = text.strip()
    if _DIGITS.fullmatch(text):
        return int(text)
    for separator in (OURS, str(get_format("THOUSAND_SEPARATOR")), " "):
        sign = re.escape(separator) if separator.strip() else r"\s"
        if separator and re.fullmatch(_GROUPED % (sign, sign), text):
            return int(re.sub(sign, "", text))
    return None


class WholeNumber(forms.IntegerField):
    """A number of a page, or one that somebody typed."""

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        number = whole_number(str(value))
        if number is None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return number
