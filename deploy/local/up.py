"""`make up`: the whole service, until Ctrl-C; web and workers start anew when the code changes."""

from pathlib import Path

from watchfiles import PythonFilter, watch

from deploy.local.admin import admin_login
from deploy.local.home import claimed
from deploy.local.output import Terminal
from deploy.local.roles import RELEASE, Role, long_running
from deploy.local.stack import LOCAL, ROOT, Stack, start_stack

_NAME = "switchyard"
_LOOK_MS = 1_000


def up() -> None:
    """Runs the whole service and stays; web and workers start anew when the code changes."""
    terminal = Terminal([_NAME, *(role.name for role in [RELEASE, *long_running(0, 0)])])

    def say(line: str) -> None:
        terminal.say(_NAME, line)

    settings = {"LOG_FORMAT": "console", "WEBHOOKS_ALLOW_PRIVATE": "true"}
    with claimed(LOCAL / "up") as home, start_stack(home, terminal, say, **settings) as stack:
        for name, place in [*stack.places(), ("admin login", admin_login(stack))]:
            say(f"{name:>14}  {place}")
        say("Ready. Ctrl-C ends it.")
        _reload_on_change(stack, terminal)


def _reload_on_change(stack: Stack, terminal: Terminal) -> None:
    reloading = [role for role in stack.roles if role.reloads]
    reported: set[Role] = set()
    changes = watch(
        *(ROOT / folder for folder in ("app", "switchyard")),
        watch_filter=PythonFilter(),
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
    )
    for change in changes:
        if change:
            names = sorted({str(Path(path).relative_to(ROOT)) for _, path in change})
            terminal.say(_NAME, f"{', '.join(names)} changed: web and workers start anew.")
            stack.supervisor.restart(reloading)
            reported.clear()
        for role in set(stack.supervisor.ended()) - reported:
            reported.add(role)
            terminal.say(_NAME, f"{role.name} has ended: see above.")
