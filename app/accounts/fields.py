"""Form fields for JSON bodies: a value of the wrong JSON type is an error, never converted."""

from typing import Any

from django import forms

_JSON_NAMES = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


class _Typed:
    json_type: type
    json_name: str

    def to_python(self, value: Any) -> Any:
        if value is not None and type(value) is not self.json_type:
            raise forms.ValidationError(f"Expected {self.json_name}, got {_JSON_NAMES[type(value)]}.")
        return super().to_python(value)  # type: ignore[misc]


class Text(_Typed, forms.CharField):
    json_type = str
    json_name = "text"


class EmailAddress(_Typed, forms.EmailField):
    json_type = str
    json_name = "text"


class WholeNumber(_Typed, forms.IntegerField):
    """JSON has one type of number: 272.0 is as whole as 272, and some languages write no other."""

    json_type = int
    json_name = "a whole number"

    def to_python(self, value: Any) -> Any:
        return super().to_python(int(value) if type(value) is float and value.is_integer() else value)


class Choices(_Typed, forms.TypedMultipleChoiceField):
    """A list without repeats, each item one of the choices."""

    json_type = list
    json_name = "a list"

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(set(value)) < len(value):
            raise forms.ValidationError("The list names something twice.")
