"""The service on this machine: `up` runs it, `demo` tries it, `services` runs only what it
needs, `on-call` stands beside it."""

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Callable
from types import FrameType

from deploy.local.demo import demo
from deploy.local.errors import LocalError
from deploy.local.home import claimed
from deploy.local.load import Amounts
from deploy.local.on_call import drill, on_call
from deploy.local.services import start_services
from deploy.local.stack import LOCAL
from deploy.local.up import up

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    arguments = _parser().parse_args()
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        return int(arguments.run(arguments) or 0)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        return 128 + (interruption.args[0] if interruption.args else signal.SIGINT)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """The first signal ends the stack in order; more of them would only leave that half done."""
    for ignored in _SIGNALS:
        signal.signal(ignored, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _verb(verbs, "up", up.__doc__ or "").set_defaults(run=lambda _: up())
    trial = _verb(verbs, "demo", demo.__doc__ or "")
    trial.set_defaults(run=_demo)
    for name, default, least in (("signups", 200, 1), ("reports", 10, 0), ("webhooks", 3, 0)):
        text = f"how many (default {default})"
        trial.add_argument(f"--{name}", type=_at_least(least), default=default, metavar="N", help=text)
    trial.add_argument("--keep", action="store_true", help="stay after the table, until Ctrl-C")
    trial.add_argument("--librabbitmq", action="store_true", help="workers read by the C client")
    alone = _verb(verbs, "services", _services.__doc__ or "")
    alone.set_defaults(run=lambda chosen: _services(as_json=chosen.json))
    alone.add_argument("--json", action="store_true", help="print one JSON object, not shell lines")
    standing = _verb(verbs, "on-call", on_call.__doc__ or "")
    standing.set_defaults(run=lambda chosen: on_call(chosen.command))
    standing.add_argument("--command", nargs=argparse.REMAINDER, default=[], help="not a shell")
    trained = _verb(verbs, "drill", "Causes a fault beside the running `make up`, for somebody to mend.")
    trained.set_defaults(run=lambda chosen: drill(chosen.fault, chosen.minutes))
    trained.add_argument("--fault", default="", help="not one by chance (a name of deploy/local/faults.py)")
    trained.add_argument("--minutes", type=float, default=30.0, help="at most (default 30)")
    return parser


def _demo(chosen: argparse.Namespace) -> int:
    amounts = Amounts(chosen.signups, chosen.reports, chosen.webhooks)
    return demo(amounts, keep=chosen.keep, read_url="librabbitmq://" if chosen.librabbitmq else "")


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a number from {least}, got {text!r}")
        return int(text)

    return number


def _services(*, as_json: bool) -> None:
    """Starts PostgreSQL, RabbitMQ and mail only, prints the variables that lead to them, and stays."""
    home = LOCAL / "services"
    with claimed(home), start_services(home) as services:
        environment = services.environment()
        lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        print(json.dumps(environment) if as_json else "\n".join(lines), flush=True)
        print("Ready. Ctrl-C ends them.", file=sys.stderr, flush=True)
        signal.pause()


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    return verbs.add_parser(name, help=text.partition("\n")[0], description=text)


if __name__ == "__main__":
    sys.exit(main())
