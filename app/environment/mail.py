"""By which server mails leave."""

from app.environment.kinds import Flag, Number, Text
from app.environment.variable import Variable

PORT = Number(1, 65_535)

MAIL = (
    Variable(
        "EMAIL_HOST",
        Text(least=1),
        "localhost",
        "SMTP server",
    ),
    Variable(
        "EMAIL_PORT",
        PORT,
        25,
        "its port",
    ),
    Variable(
        "EMAIL_HOST_USER",
        Text(),
        "",
        "SMTP user; empty: no login",
    ),
    Variable(
        "EMAIL_HOST_PASSWORD",
        Text(secret=True),
        "",
        "SMTP password",
    ),
    Variable(
        "EMAIL_USE_TLS",
        Flag(),
        False,
        "STARTTLS, as port 587 has it",
    ),
    Variable(
        "EMAIL_USE_SSL",
        Flag(),
        False,
        "TLS from the first byte, as port 465 has it; not both",
    ),
    Variable(
        "DEFAULT_FROM_EMAIL",
        Text(least=3),
        "Switchyard <noreply@localhost>",
        "sender of every mail",
    ),
)
