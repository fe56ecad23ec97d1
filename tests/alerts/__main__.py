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
from tests.alerts import faults, kubernetes, long_faults, panels, probe, report, web_faults
from tests.alerts.course import Outcome, quiet, tried, until_quiet
from tests.alerts.fault import Round
from tests.alerts.monitoring import Monitoring
from tests.alerts.service import PORTS, Load, Service
from tests.alerts.shortening import shortened
from tests.faults.proxy import Proxy
from tests.live.processes import eventually
from tests.rules.files import RULES
from tests.servers import servers

#: What goes on all the time: task, requests a second, seconds that each task runs.
NORMAL = (("ledger.io_work", 3, 0.2), ("ledger.cpu_work", 1, 0.05))
#: Of each target, before the first fault: rates and windows have something to look back on.
WARM_SCRAPES = 8
#: What came while all was quiet, the panels without data, and what is said of panels.
Calm = tuple[list[str], list[str], list[str]]


def main() -> int:
    options = _options()
    with ExitStack() as stack:
        own = stack.enter_context(servers("alerts"))
        proxy = stack.enter_context(Proxy(urlsplit(own.broker.url).port or 5672))
        cluster = stack.enter_context(kubernetes.Kubernetes())
        service = Service(own.broker, own.postgres, proxy, cluster, own.home)
        stack.callback(service.end)
        service.start()
        stack.enter_context(service.probe)
        for task, per_second, seconds in NORMAL:
            stack.callback(Load(service.url, task, per_second, {"seconds": seconds}).start().stop)
        plain, (false, empty, said) = _plain(service, options)
        short = _short(service, options)
    text = report.text(own.broker.name, plain, short, _calm(service, options.quiet, false), said)
    print(text)
    if not options.only:
        report.RESULT.write_text(text)
    return 0 if all(outcome.good for outcome in [*plain, *short]) and not false and not empty else 1


def _plain(service: Service, options: argparse.Namespace) -> tuple[list[Outcome], Calm]:
    """Under the rules as they are: the faults, then quiet, then what it is not quiet after."""
    wanted = _wanted([*faults.rounds(), *web_faults.rounds()], options.only)
    last = _wanted(faults.last_rounds(), options.only)
    if not wanted and not last:
        return [], ([], [], [])
    with Monitoring(service.home / "plain", _targets(service), RULES) as monitoring:
        outcomes = _tried(wanted, service, monitoring)
        print(f"{time.strftime('%H:%M:%S')} {options.quiet:g} quiet minutes ...", flush=True)
        false = quiet(monitoring, options.quiet)
        blank = panels.without_data(monitoring)
        for together in last:
            outcomes += tried(together, service, monitoring)
    empty = [panel for panel, reason in blank.items() if not reason]
    said = [
        f"Of {panels.asked()} queries of the dashboards' panels without data: {'; '.join(empty) or 'none'}.",
        *(f"- empty, as it says: {panel} {reason}" for panel, reason in blank.items() if reason),
    ]
    print(*false, *said, sep="\n", flush=True)
    return outcomes, (false, empty, said)


def _short(service: Service, options: argparse.Namespace) -> list[Outcome]:
    """Under the shortened rules, by another Prometheus, which knows nothing of what was before."""
    wanted = _wanted([*long_faults.rounds(), *web_faults.long_rounds()], options.only)
    if not wanted:
        return []
    rules = shortened(RULES, service.home / "rules")
    with Monitoring(service.home / "short", _targets(service), rules, inhibited=False) as monitoring:
        return _tried(wanted, service, monitoring)


def _wanted(rounds: list[Round], only: list[str] | None) -> list[Round]:
    """Of each round the faults that have one of these alerts."""
    if not only:
        return rounds
    kept = (tuple(fault for fault in together if set(fault.alerts) & set(only)) for together in rounds)
    return [together for together in kept if together]


def _tried(rounds: list[Round], service: Service, monitoring: Monitoring) -> list[Outcome]:
    eventually(lambda: not monitoring.down(), within=60, what=f"every target: {monitoring.down()}")
    warm = f"min(count_over_time(up[10m])) >= {WARM_SCRAPES}"
    eventually(lambda: monitoring.query(warm), within=120, what="every target to be scraped a few times")
    until_quiet(monitoring)
    return [outcome for together in rounds for outcome in tried(together, service, monitoring)]


def _calm(service: Service, minutes: float, false: list[str]) -> list[str]:
    return [
        f"{minutes:g} quiet minutes under a normal load: {', '.join(false) or 'no alert'}.",
        "",
        f"Roles that ended by themselves and were started again: {', '.join(service.restarted) or 'none'}.",
    ]


def _targets(service: Service) -> dict[str, list[str]]:
    """Job to its addresses, as k8s/components/monitoring names them."""
    found = {kubernetes.JOB: [service.kubernetes.address], probe.JOB: [service.probe.address]}
    for role in PORTS:
        job = f"switchyard-{role.partition('-')[0]}"
        found.setdefault(job, []).append(f"{LOOPBACK}:{service.ports[role]}")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.alerts", description=__doc__)
    parser.add_argument(
        "--quiet", type=float, default=10, metavar="MINUTES", help="without a fault (default: 10)"
    )
    parser.add_argument("--only", action="append", metavar="ALERT", help="the faults of this alert alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
