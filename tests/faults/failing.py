"""A role that kills itself at a named place, again and again. The place is not told about it.

    python -m tests.faults.failing switchyard.relay.relay:Relay.delete before 3 100 -- app relay

SIGKILLs the role just before its third call of that method, starts it anew, and does so 100 times. Each life
is a fork of one process that has loaded everything, so that a hundred deaths take seconds and not minutes.
Ends with 0 after the last death, and with 1 if a life ended in any other way. ``freeze`` in the place of
``before`` or ``after`` stops the process (SIGSTOP) before the call; somebody has to wake it.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import django

_SIGNALS = {"before": signal.SIGKILL, "freeze": signal.SIGSTOP}


def main(words: list[str]) -> int:
    place, moment, call, lives, separator, module, *arguments = words
    assert separator == "--", f"expected -- before the module, not {separator}"
    django.setup()
    patch(place, moment, int(call))
    for life in range(int(lives)):
        pid = os.fork()
        if pid == 0:
            sys.argv = [module, *arguments]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            os._exit(0)
        signal.signal(signal.SIGTERM, lambda *_, child=pid: _end(child))
        _, status = os.waitpid(pid, 0)
        print(f"failing: life {life} ended with {status}", flush=True)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            return 1
    return 0


def patch(place: str, moment: str, call: int) -> None:
    """Make the ``call``-th call (from 1) of ``module:name`` or ``module:Class.name`` the last thing done."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    setattr(owner, name, _deadly(getattr(owner, name), moment, call))


def _deadly(function: Callable[..., Any], moment: str, call: int) -> Callable[..., Any]:
    calls = 0

    @wraps(function)
    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and moment in _SIGNALS:
            os.kill(os.getpid(), _SIGNALS[moment])
        result = function(*args, **kwargs)
        if calls == call and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return deadly


def _end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
