"""Bounds what Celery tells of its configuration (``inspect conf``, ``inspect report``, ``report``)."""

from functools import partial
from typing import Any

from celery.app.defaults import _OLD_SETTING_KEYS, SETTING_KEYS  # type: ignore[attr-defined]
from celery.app.utils import filter_hidden_settings

from switchyard.redaction import redacted


def tell_only_own(conf: Any) -> None:
    """Have it list Celery's own options, without the secrets in them. Any other can be asked for by its name.

    Stock Celery lists every setting of a Django project, and knows only some of those that hold an address,
    and those only by their bare names: CELERY_BROKER_URL is told with its password.
    """
    vars(conf)["table"] = partial(_table, conf.table, conf.prefix or "")


def _table(table: Any, prefix: str, with_defaults: bool = False, censored: bool = True) -> dict[str, Any]:
    """``Settings.table``, which all is made of that Celery tells."""
    told = {key: value for key, value in table(with_defaults, False).items() if _is_celerys(key, prefix)}
    if not censored:
        return told
    # Ours first: Celery's fails at an address that cannot be read, and says a part of it.
    found: dict[str, Any] = filter_hidden_settings(redacted(told))
    return found


def _is_celerys(key: str, prefix: str) -> bool:
    return key in _OLD_SETTING_KEYS or key.removeprefix(prefix).lower() in SETTING_KEYS
