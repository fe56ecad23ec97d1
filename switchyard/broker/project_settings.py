"""Reads a project's Celery options, which are Django's settings or any other map of names to values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from celery.utils.collections import DictAttribute
from django.conf import LazySettings, Settings, UserSettingsHolder


class WithoutRequired(Mapping[str, Any]):
    """A project's settings, read anew each time, without what is required otherwise."""

    def __init__(self, settings: Mapping[str, Any], prefix: str, required: Mapping[str, Any]) -> None:
        self._settings = settings
        said_by: Any = settings.obj if isinstance(settings, DictAttribute) else None
        self._of_django: Any = said_by if type(said_by) is LazySettings else None
        self._prefix = prefix
        self._required = required

    def __getitem__(self, key: str) -> Any:
        if self._hidden(key):
            raise KeyError(key)
        return self._settings[key]

    def __contains__(self, key: object) -> bool:
        return key in self._settings and not self._hidden(str(key))

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._settings if not self._hidden(key))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def among(self, names: Sequence[str]) -> Sequence[str]:
        """Those of the names that may be here.

        Django's settings raise and catch two exceptions for one that they do not have, so what they hold is
        looked at instead, and what a test lays over them.
        """
        held = None if self._of_django is None else self._of_django._wrapped  # noqa: SLF001 - no other reader
        there: list[str] = []
        while type(held) is UserSettingsHolder:
            there += [name for name in names if name in held.__dict__]
            held = held.default_settings
        if type(held) is not Settings:
            return names
        return [name for name in names if name in held.__dict__ or name in there]

    def _hidden(self, key: str) -> bool:
        return bool(self._prefix) and key.lower().removeprefix(self._prefix.lower()) in self._required
