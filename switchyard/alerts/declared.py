"""Declares what can be told of an alert by one look, as ``deploy/prometheus/rules`` has it.

A test holds the thresholds and pending times here to the rules. What an alert asks of the past (a rate, a
share of an hour, something that has grown), or of Kubernetes, only Prometheus can tell: these are not here.
"""

from switchyard.alerts.condition import ANY, Alert, Condition, Limit

_OBJECTIVE = Limit(times=1, of="queue_objective_seconds")


def _case(*conditions: Condition) -> tuple[Condition, ...]:
    return conditions


def _is(metric: str, sign: str, limit: float | Limit, only: str = "") -> Condition:
    return Condition(metric, sign, limit if isinstance(limit, Limit) else Limit(limit), only)


ALERTS = (
    Alert(
        "QueueGrowing",
        75,
        (
            _case(
                _is("queue_growth", ">", 0),
                _is("queue_drain_seconds", ">", _OBJECTIVE),
                _is("queue_messages_ready", ">", 10),
                _is("queue_consumers", ">", 0),
                _is("queue_objective_breach_seconds", ">", 0),
            ),
        ),
        each="queue_objective_seconds",
    ),
    Alert(
        "QueueBehind",
        45,
        (
            _case(
                _is("queue_objective_breach_seconds", "==", 0),
                _is("queue_messages_ready", ">", 10),
                _is("queue_consumers", ">", 0),
            ),
        ),
        each="queue_objective_seconds",
    ),
    Alert(
        "QueueHasNoConsumers",
        60,
        (_case(_is("queue_messages_ready", ">", 0), _is("queue_consumers", "==", 0)),),
        each="queue_objective_seconds",
    ),
    Alert(
        "CanaryMissing",
        60,
        (
            _case(
                _is("queue_canary_age_seconds", ">", Limit(300, 2, "queue_objective_seconds")),
                _is("queue_consumers", ">", 0),
                _is("broker_alarm", "==", 0, ANY),
            ),
        ),
        each="queue_objective_seconds",
    ),
    Alert("BrokerUnreadable", 60, (_case(_is("broker_up", "==", 0)),)),
    Alert("BrokerAlarm", 15, (_case(_is("broker_alarm", ">", 0)),), each="broker_alarm"),
    Alert("TopologyDrift", 300, (_case(_is("topology_drift", ">", 0)),)),
    Alert(
        "UnroutableMessages",
        0,
        (
            _case(_is("queue_messages_ready", ">", 0, "unroutable")),
            _case(_is("queue_messages_unacknowledged", ">", 0, "unroutable")),
        ),
    ),
    Alert(
        "OutboxNotDraining",
        30,
        (
            _case(
                _is("outbox_oldest_seconds", ">", 30),
                _is("broker_alarm", "==", 0, ANY),
                _is("broker_up", "==", 1),
            ),
        ),
        each="outbox_oldest_seconds",
    ),
    Alert("OutboxQuarantine", 60, (_case(_is("outbox_quarantined", ">", 0)),)),
    Alert("DatabaseUnreadable", 60, (_case(_is("database_up", "==", 0)), _case(_is("outbox_up", "==", 0)))),
    Alert("DatabaseForeign", 0, (_case(_is("database_foreign", ">", 0)),)),
    Alert(
        "DatabaseClockWrong",
        0,
        (
            _case(_is("database_clock_ahead_seconds", ">", 30)),
            _case(_is("database_clock_ahead_seconds", "<", -30)),
        ),
    ),
    Alert(
        "DatabaseTransactionLong",
        900,
        (_case(_is("database_oldest_transaction_seconds", ">", 60)),),
        each="database_oldest_transaction_seconds",
    ),
    Alert(
        "DatabaseConnectionsNearLimit",
        300,
        (_case(_is("database_connections", ">", Limit(times=0.85, of="database_max_connections"))),),
    ),
    Alert(
        "DeadLettersOld",
        300,
        (_case(_is("deadletters_oldest_seconds", ">", 86400)),),
        each="deadletters_oldest_seconds",
    ),
    Alert(
        "BeatSilent",
        45,
        (_case(_is("beat_lease_held", "==", 0)), _case(_is("beat_last_tick_age_seconds", ">", 60))),
    ),
    Alert("TwoBeats", 30, (_case(_is("beat_holders", ">", 1)),)),
    Alert(
        "ScheduleMissed", 30, (_case(_is("beat_overdue_seconds", ">", 120), _is("beat_lease_held", "==", 1)),)
    ),
    Alert("ScheduleEntryRefused", 30, (_case(_is("beat_refused_entries", ">", 0)),)),
)
BY_NAME = {alert.name: alert for alert in ALERTS}
