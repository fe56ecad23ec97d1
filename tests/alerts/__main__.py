"""``python -m tests.alerts``: the service under a real Prometheus and Alertmanager, quiet and hurt.

Ends with 1 if an alert did not come in time, was not resolved, came with another, or came while all was
quiet, and if a dashboard's panel has nothing to show.
"""

import argparse
import sys
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

from deploy.local.ports import LOOPBACK
from tests.alerts import panels, report
from tests.alerts.course import quiet, tried, until_quiet
from tests.alerts.faults import faults
from tests.alerts.monitoring import Monitoring
from tests.alerts.service import PORTS, Load, Service
from tests.faults.proxy import Proxy
from tests.live.processes import eventually
from tests.servers import servers

#: What goes on all the time: task, requests a second, seconds that each task runs.
NORMAL = (("ledger.io_work", 3, 0.2), ("ledger.cpu_work", 1, 0.05))
#: Until everything was scraped a few times.
WARM_SECONDS = 40


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        own = stack.enter_context(servers("alerts"))
        home, postgres, broker = own.home, own.postgres, own.broker
        proxy = stack.enter_context(Proxy(urlsplit(broker.url).port or 5672))
        service = Service(broker, postgres, proxy, home)
        stack.callback(service.processes.end)
        service.start()
        for task, per_second, seconds in NORMAL:
            stack.callback(Load(service.url, task, per_second, seconds).start().stop)
        monitoring = stack.enter_context(Monitoring(home / "monitoring", _targets(service)))
        return _course(service, monitoring, options)


def _course(service: Service, monitoring: Monitoring, options: argparse.Namespace) -> int:
    eventually(lambda: not monitoring.down(), within=60, what=f"every target: {monitoring.down()}")
    time.sleep(WARM_SECONDS)
    until_quiet(monitoring)
    outcomes = [
        tried(fault, service, monitoring)
        for fault in faults()
        if not options.only or fault.alert in options.only
    ]
    print(f"{time.strftime('%H:%M:%S')} {options.quiet:g} quiet minutes ...", flush=True)
    false = quiet(monitoring, options.quiet)
    blank = panels.without_data(monitoring)
    empty = [panel for panel, reason in blank.items() if not reason]
    said = [
        f"Of {panels.asked()} queries of the dashboards' panels without data: {'; '.join(empty) or 'none'}.",
        *(f"- empty, as it says: {panel} {reason}" for panel, reason in blank.items() if reason),
    ]
    print(*false, *said, sep="\n", flush=True)
    text = report.text(service.broker.name, options.quiet, false, outcomes, said)
    print(text)
    if not options.only:
        report.RESULT.write_text(text)
    return 0 if all(outcome.good for outcome in outcomes) and not false and not empty else 1


def _targets(service: Service) -> dict[str, list[str]]:
    """Job to its addresses, as k8s/components/monitoring names them."""
    found: dict[str, list[str]] = {}
    for role in PORTS:
        job = f"switchyard-{role.partition('-')[0]}"
        found.setdefault(job, []).append(f"{LOOPBACK}:{service.ports[role]}")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.alerts", description=__doc__)
    parser.add_argument(
        "--quiet", type=float, default=10, metavar="MINUTES", help="without a fault (default: 10)"
    )
    parser.add_argument("--only", action="append", metavar="ALERT", help="the fault of this alert alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
