"""Checks a task call before anything is sent."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Model, QuerySet
from kombu.utils.json import dumps

from switchyard.outbox.errors import DestinationRefused, ModelRefused, NotJson

#: What holds no other value.
PLAIN = {str, int, float, type(None)}

#: Made once: ``A | B`` is made anew, and is slower to ask, at each look.
LISTS = (list, tuple, set, frozenset)
TABLES = (dict, Mapping)
MODELS = (Model, QuerySet)

#: Options that a call must leave alone, and what they hold where nobody has said anything.
REFUSED_OPTIONS = {"exchange": None, "routing_key": None, "serializer": "json"}


def refuse_destination(task: str, options: Mapping[str, Any]) -> None:
    """Raise DestinationRefused for an exchange, routing key or serializer among a call's options."""
    for option, usual in REFUSED_OPTIONS.items():
        if options.get(option) not in (None, usual):
            raise DestinationRefused(task, option, options[option])


def refuse_arguments(task: str, args: Any, kwargs: Any) -> None:
    """Raise ModelRefused or NotJson for arguments that a message should not or cannot hold."""
    refuse_models(task, args, kwargs)
    try:
        dumps([args, kwargs])
    except (TypeError, ValueError) as reason:
        raise NotJson(task, reason) from reason


def refuse_models(task: str, args: Any, kwargs: Any) -> None:
    """Raise ModelRefused for a model instance or a queryset, however deep it lies."""
    positional, named = list(args or ()), dict(kwargs or {})
    if are_plain(positional) and are_plain(named.values()):
        return
    for where, value in (*_leaves("args", positional), *_leaves("kwargs", named)):
        if isinstance(value, MODELS):
            raise ModelRefused(task, where, value)


def are_plain(values: Iterable[Any]) -> bool:
    """Whether none of them holds another value."""
    return PLAIN.issuperset(map(type, values))


def _leaves(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each value inside lists and dictionaries with its place, as ``args[0]['user']``."""
    if type(value) in PLAIN:
        yield where, value
    elif isinstance(value, LISTS):
        for index, item in enumerate(value):
            yield from _leaves(f"{where}[{index}]", item)
    elif isinstance(value, TABLES):
        for key, item in value.items():
            yield from _leaves(f"{where}[{key!r}]", item)
    else:
        yield where, value
