"""Puts the engine onto a project's own Celery app.

    app = Celery("yours")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()
    switchyard.attach(app)

Nothing here reads a setting or imports a model: a project's Celery app is made while its settings load.
"""

from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any, cast

from celery import Celery
from celery.concurrency import ALIASES  # type: ignore[attr-defined]
from celery.signals import setup_logging
from celery.utils.imports import symbol_by_name
from django.core.exceptions import ImproperlyConfigured
from kombu.transport import TRANSPORT_ALIASES

AMQP = "switchyard.outbox.amqp:AMQP"
CANVASES = "switchyard.outbox.canvas:send_canvases_together"
SEND_TASK = "switchyard.outbox.sender:send_task"
TASK = "switchyard.tasks.base:RoutedTask"
CONFIGURE = "switchyard.broker.options:configure"

_attached: list[Celery] = []
#: Those whose modules of tasks have been imported.
_imported: list[Celery] = []


def attach(app: Celery) -> Celery:
    """Have the app's tasks go through the outbox, its workers and beat keep the engine's promises.

    Its configuration stays but for what a promise needs (``switchyard.broker.options``); ``check`` says what
    is replaced. A task base of the project's own stays beneath ours. Raises ImproperlyConfigured when the app
    has made its task base already. Twice is harmless.
    """
    if app in _attached:
        return app
    made = [name for name in ("Task", "amqp") if name in vars(app)]
    if made:
        raise ImproperlyConfigured(
            f"switchyard.attach(app) came after the first use of app.{made[0]}. Call it where the app is "
            "made, before @app.task and app.Task."
        )
    app.amqp_cls = AMQP
    symbol_by_name(CANVASES)()
    app.send_task = partial(_send_task, app)  # type: ignore[method-assign]
    app.create_task_cls = partial(_task_class, app, _own_task_class(app))  # type: ignore[method-assign]
    app._task_from_fun = partial(_task_from_fun, app)  # type: ignore[method-assign]  # noqa: SLF001
    app.register_task = partial(_register_task, app)  # type: ignore[method-assign]
    app.steps["worker"].add("switchyard.worker.context:ContextStep")
    app.steps["worker"].add("switchyard.worker.ownership:OwnershipStep")
    app.steps["consumer"].add("switchyard.heartbeat:HeartbeatStep")
    app.steps["consumer"].add("switchyard.worker.drain:DrainStep")
    # So that `--pool=threads` and `prefork` mean ours from any command line. Celery's own hook for another
    # pool is an environment variable, which must be set before Celery is imported.
    ALIASES["threads"] = "switchyard.worker.threads:TaskPool"
    ALIASES["prefork"] = ALIASES["processes"] = "switchyard.worker.prefork:TaskPool"
    # By its alias, as a failover to the next address of the URL looks at nothing else.
    TRANSPORT_ALIASES["pyamqp"] = "switchyard.broker.transport:Transport"
    TRANSPORT_ALIASES["librabbitmq"] = "switchyard.broker.librabbitmq:Transport"
    setup_logging.connect(_keep_django_logging)
    if app.configured:  # type: ignore[attr-defined]
        _configure(app, app.conf)
    else:
        app.on_after_configure.connect(_configure)
    app.set_default()
    _attached.append(app)
    return app


def attached() -> Celery:
    """The app that ``attach`` was called with last. Raises ImproperlyConfigured if there is none."""
    if not _attached:
        raise ImproperlyConfigured(
            "No Celery app is attached. Call switchyard.attach(app) in the module that makes it, and import "
            "that module in the project's __init__.py, as Celery's documentation for Django says."
        )
    return _attached[-1]


def tasks() -> dict[str, Any]:
    """Every registered task by name, after importing what a worker would import.

    In the order of their names. A process that has not run a worker may not have imported them before: the
    installed apps' ``tasks``, modules of another name that the project has autodiscovered, its ``imports``.
    """
    app = attached()
    app.autodiscover_tasks(force=True)
    if app not in _imported:
        # Before, as Celery runs Django's checks at this, which ask for the tasks.
        _imported.append(app)
        app.loader.import_default_modules()
    return dict(sorted(app.tasks.items()))


def _own_task_class(app: Any) -> Callable[[], type]:
    """Makes the project's own task base: ``task_cls``, or what its subclass of Celery makes."""
    if type(app).create_task_cls is not Celery.create_task_cls:
        made: Callable[[], type] = app.create_task_cls
        return made
    return partial(symbol_by_name, app.task_cls)


def _task_class(app: Any, theirs: Callable[[], type]) -> type:
    """Celery's ``create_task_cls``: our base, over the project's own if it has one."""
    base = _over(theirs())
    found: type = app.subclass_with_self(base, name="Task", attribute="_app", keep_reduce=True, abstract=True)
    return found


def _task_from_fun(app: Any, fun: Any, *args: Any, base: Any = None, **options: Any) -> Any:
    """Celery's, which every decorator ends in: a base that a task names stays beneath ours too."""
    return type(app)._task_from_fun(app, fun, *args, base=base and _over(base), **options)  # noqa: SLF001


def _register_task(app: Any, task: Any, **options: Any) -> Any:
    """Celery's, for a task that is written as a class."""
    task = task() if isinstance(task, type) else task
    task.__class__ = _over(type(task))
    return type(app).register_task(app, task, **options)


def _over(theirs: type) -> type:
    """Our task base over another one."""
    ours = symbol_by_name(TASK)
    if issubclass(theirs, ours):
        return theirs
    if issubclass(ours, theirs):
        return cast("type", ours)
    names = {"abstract": vars(theirs).get("abstract", False), "__module__": theirs.__module__}
    return type(theirs.__name__, (ours, theirs), names)


def _send_task(app: Any, *args: Any, **options: Any) -> Any:
    """Celery's ``send_task`` until it is called first: what checks a call imports models."""
    app.send_task = MethodType(symbol_by_name(SEND_TASK), app)
    return app.send_task(*args, **options)


def _configure(sender: Any, source: Any, **_: Any) -> None:
    """When the app's configuration is first read, and the settings therefore are there."""
    symbol_by_name(CONFIGURE)(source)


def _keep_django_logging(**_: Any) -> None:
    """Celery configures logging only where nobody listens to this signal; Django's LOGGING has done it."""
