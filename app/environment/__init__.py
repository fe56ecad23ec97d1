"""The variables of the environment: what each takes, what holds without it, and what it is for.

The one place that says so: ``app/settings.py`` reads them from here, ``python -m app --help`` lists them, and
the table of ``deploy/SETTINGS.md`` is this one. Any of them may be a file instead: ``NAME_FILE=/run/...``.
"""

from app.environment.logs import LOGS
from app.environment.mail import MAIL
from app.environment.roles import ROLES
from app.environment.servers import SERVERS
from app.environment.web import WEB
from app.environment.work import WORK

VARIABLES = (*SERVERS, *WEB, *MAIL, *WORK, *ROLES, *LOGS)
