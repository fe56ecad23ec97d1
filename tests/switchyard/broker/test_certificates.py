"""A certificate that is out of date, at either end, is said in a sentence with what to change."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from switchyard.broker import connection
from switchyard.broker.management import Management, ManagementError
from switchyard.outage import NotYet
from tests.certificates import Authority, listening, serving

DAY = timedelta(days=1)
#: From when and until when, counted from now.
IN_DATE, EXPIRED, NOT_YET = (-DAY, DAY), (-2 * DAY, -DAY), (DAY, 2 * DAY)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def certificates(authority: Authority) -> dict[tuple[timedelta, timedelta], Path]:
    return {
        dates: authority.signed(f"certificate-{number}", begins=dates[0], ends=dates[1])
        for number, dates in enumerate((IN_DATE, EXPIRED, NOT_YET))
    }


@pytest.fixture(autouse=True)
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 3)


def refusal(settings: Any, port: int, **ours: Any) -> str:
    settings.CELERY_BROKER_URL = f"amqps://user:secret@127.0.0.1:{port}/v"
    settings.CELERY_BROKER_USE_SSL = {"server_hostname": None, **ours}
    with pytest.raises(NotYet) as refused:
        connection.opened()
    assert "secret" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("dates", "words"), [(EXPIRED, "certificate has expired"), (NOT_YET, "certificate is not yet valid")]
)
def test_a_brokers_certificate_out_of_date_is_named(settings: Any, certificates, dates, words: str) -> None:
    with listening(serving(certificates[dates])) as port:
        said = refusal(settings, port)
        assert words in said
        assert "this machine's clock" in said
        assert "BROKER_URL" in said
        with (
            Management(f"https://user:secret@127.0.0.1:{port}", "v") as management,
            pytest.raises(ManagementError, match=words) as refused,
        ):
            management.version()
        assert "renew its certificate" in str(refused.value)
        assert "BROKER_MANAGEMENT_URL" in str(refused.value)


def test_a_certificate_of_ours_that_has_expired_is_named(settings: Any, certificates, authority) -> None:
    """The handshake of TLS 1.3 is over for this end by then: the alert comes, or only its end."""
    with listening(serving(certificates[IN_DATE], authority.certificate)) as port:
        ours = {"certfile": str(certificates[EXPIRED]), "keyfile": str(certificates[EXPIRED])}
        said = refusal(settings, port, **ours)
        assert "do not agree on TLS" in said
        assert "broker_use_ssl" in said
