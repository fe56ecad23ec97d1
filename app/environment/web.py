"""How web is reached, and what it believes of who asks."""

from app.environment.kinds import HTTP, Flag, Folder, Names, Number, Url, Urls
from app.environment.variable import Computed, Variable

WEB = (
    Variable(
        "PUBLIC_URL",
        Url(HTTP),
        "http://localhost:8000",
        "where users reach web; `https://` also makes cookies and redirects secure",
    ),
    Variable(
        "ALLOWED_HOSTS",
        Names(),
        (),
        "comma list of host names that web answers to",
    ),
    Variable(
        "CSRF_TRUSTED_ORIGINS",
        Urls(HTTP),
        (),
        "comma list of other origins that may post to the admin",
    ),
    Variable(
        "TRUST_PROXY",
        Flag(),
        False,
        "believe a proxy's `X-Forwarded-Proto` and `X-Forwarded-For`",
    ),
    Variable(
        "TRUSTED_PROXIES",
        Number(1, 10),
        1,
        "how many proxies of ours are in a row: so many entries from the right of `X-Forwarded- "
        "For` is the client",
    ),
    Variable(
        "HSTS_SECONDS",
        Number(0, 63_072_000),
        3600,
        "how long browsers insist on HTTPS, when `PUBLIC_URL` is HTTPS",
    ),
    Variable(
        "DEBUG",
        Flag(),
        False,
        "Django's debug pages; never in production",
    ),
    Variable(
        "STATIC_ROOT",
        Folder(),
        Computed("static/"),
        "where `collectstatic` puts the admin's files",
    ),
)
