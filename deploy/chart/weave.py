"""Writes a resource, and what components make of it, as one template: what differs is under a condition."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

Document = dict[str, Any]
#: What a component has taken away.
GONE = object()


class Dumper(yaml.SafeDumper):
    """Texts of several lines as such, nothing by reference, and a key of any length in front of its colon."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def check_simple_key(self) -> bool:
        return isinstance(self.event, yaml.ScalarEvent) or bool(super().check_simple_key())


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Dumper.add_representer(str, _text)


def mapping(base: Document, variants: Mapping[str, Document], indent: int = 0) -> list[str]:
    """Its lines. ``variants`` is condition (of Helm) to the same mapping as it is then."""
    lines: list[str] = []
    for key, value in base.items():
        ways = {condition: variant.get(key, GONE) for condition, variant in variants.items()}
        lines += _kept(ways, _entry(key, value, _other(ways, value), indent))
    new = [(condition, key) for condition, variant in variants.items() for key in variant if key not in base]
    _once(key for _, key in new)
    for condition, key in new:
        lines += under(condition, dumped({key: variants[condition][key]}, indent))
    return lines


def under(condition: str, lines: list[str]) -> list[str]:
    return [f"{{{{- if {condition} }}}}", *lines, "{{- end }}"]


def dumped(value: Any, indent: int = 0) -> list[str]:
    written = yaml.dump(value, Dumper=Dumper, sort_keys=False, width=100_000)
    return [" " * indent + line for line in written.splitlines()]


def _entry(key: str, value: Any, ways: Mapping[str, Any], indent: int) -> list[str]:
    """``key: value``, or what it is instead where a condition holds."""
    kinds = {type(way) for way in (value, *ways.values())}
    if ways and kinds == {dict}:
        return [f"{' ' * indent}{key}:", *mapping(value, ways, indent + 2)]
    if ways and kinds == {list}:
        return [f"{' ' * indent}{key}:", *_items(value, ways, indent)]
    return _choice(ways, {key: value}, key, indent)


def _choice(ways: Mapping[str, Any], otherwise: Document, key: str, indent: int) -> list[str]:
    lines = dumped(otherwise, indent)
    for condition, way in ways.items():
        lines = [
            f"{{{{- if {condition} }}}}",
            *dumped({key: way}, indent),
            "{{- else }}",
            *lines,
            "{{- end }}",
        ]
    return lines


def _items(base: list[Any], ways: Mapping[str, list[Any]], indent: int) -> list[str]:
    """Of a list, whose items are known by their name, or else by all that they are."""
    named = {condition: {identity(item): item for item in way} for condition, way in ways.items()}
    lines: list[str] = []
    for item in base:
        found = {condition: items.pop(identity(item), GONE) for condition, items in named.items()}
        lines += _kept(found, _item(item, _other(found, item), indent))
    _once(name for items in named.values() for name in items)
    for condition, items in named.items():
        if items:
            lines += under(condition, dumped([*items.values()], indent))
    return lines


def _item(item: Any, ways: Mapping[str, Any], indent: int) -> list[str]:
    if not ways:
        return dumped([item], indent)
    first, *rest = mapping(_name_first(item), ways, indent + 2)
    return [f"{' ' * indent}- {first.lstrip()}", *rest]


def _name_first(item: Document) -> Document:
    """So that the line with the dash is under no condition."""
    return {"name": item["name"], **item}


def identity(item: Any) -> str:
    return (
        str(item["name"]) if isinstance(item, dict) and "name" in item else json.dumps(item, sort_keys=True)
    )


def _other(ways: Mapping[str, Any], value: Any) -> dict[str, Any]:
    return {condition: way for condition, way in ways.items() if way is not GONE and way != value}


def _kept(ways: Mapping[str, Any], lines: list[str]) -> list[str]:
    """Unless it is gone."""
    gone = [f"({condition})" for condition, way in ways.items() if way is GONE]
    any_of = gone[0] if len(gone) == 1 else f"(or {' '.join(gone)})"
    return under(f"not {any_of}", lines) if gone else lines


def _once(names: Iterable[str]) -> None:
    """Raises ValueError where two components add the same: both at once would be no YAML."""
    found = list(names)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise ValueError(f"Two components add {', '.join(twice)} to one resource: put it into the base.")
