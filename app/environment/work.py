"""What the example admits, and how long it keeps it."""

from app.environment.kinds import Flag, Number
from app.environment.variable import Variable

#: Of anything an hour; 0 is none at all.
MANY = Number(0, 1_000_000_000)

WORK = (
    Variable(
        "SIGNUPS_PER_HOUR",
        MANY,
        20,
        "sign-ups taken from one client address; 0: none",
    ),
    Variable(
        "STAFF_IDLE_MINUTES",
        Number(1, 1440),
        30,
        "after how long without a request staff has to log in again",
    ),
    Variable(
        "LOGINS_PER_HOUR",
        MANY,
        30,
        "log-ins tried from one client address; five times as many for one name",
    ),
    Variable(
        "REPORTS_PER_HOUR",
        MANY,
        1000,
        "reports that one user may ask for",
    ),
    Variable(
        "WEBHOOKS_PER_HOUR",
        MANY,
        100,
        "targets that one user may register",
    ),
    Variable(
        "IN_TOTAL_PER_HOUR",
        MANY,
        100_000,
        "each of these, by everybody together",
    ),
    Variable(
        "TOKEN_LIFETIME_DAYS",
        Number(1, 3650),
        30,
        "how long the token of a sign-up is good",
    ),
    Variable(
        "REPORTS_AT_ONCE",
        Number(0, 1_000_000),
        100,
        "reports of one user that may be unfinished at a time",
    ),
    Variable(
        "KEEP_EVENTS_DAYS",
        Number(1, 3650),
        90,
        "how long events and their deliveries are kept",
    ),
    Variable(
        "WEBHOOKS_ALLOW_PRIVATE",
        Flag(),
        False,
        "deliver to private and loopback addresses; for a laptop",
    ),
)
