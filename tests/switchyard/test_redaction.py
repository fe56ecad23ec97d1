"""What is shown holds no secret: by the names of things, and in addresses."""

import pytest

from switchyard.redaction import HIDDEN, passwords, redacted, without_passwords


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("amqp://u:hush@h/v", f"amqp://u:{HIDDEN}@h/v"),
        ("amqp://u:hush@a/v;amqp://u:hush@b/v", f"amqp://u:{HIDDEN}@a/v;amqp://u:{HIDDEN}@b/v"),
        ("a list: ['amqp://u:hush@a', 'amqp://b']", f"a list: ['amqp://u:{HIDDEN}@a', 'amqp://b']"),
        ("redis://:hush@h", f"redis://:{HIDDEN}@h"),
        ("host=h password=hush user=u", f"host=h password={HIDDEN} user=u"),
        (r"password = 'hu\'sh hush' user=u", f"password = {HIDDEN} user=u"),
        ("https://h/?password=hush&page=2", f"https://h/?password={HIDDEN}&page=2"),
        # Characters that have to be encoded, and are not.
        ("amqp://u:hu/sh@h/v", f"amqp://u:{HIDDEN}@h/v"),
        ("amqp://u:hu@sh@h/v", f"amqp://u:{HIDDEN}@h/v"),
        ("amqp://u:h:u'#?[sh@h/v", f"amqp://u:{HIDDEN}@h/v"),
    ],
)
def test_the_password_of_an_address_is_hidden(address: str, shown: str) -> None:
    assert without_passwords(address) == shown


@pytest.mark.parametrize(
    "text",
    [
        "amqp://u@h/v",
        "http://h:8000/to?mail=a@b",
        '{"url":"http://h:80","mail":"a@b"}',
        "at 10:30 a@b",
        "amqp://h:5672/v",
    ],
)
def test_what_is_no_password_is_left(text: str) -> None:
    assert without_passwords(text) == text
    assert passwords(text) == set()


def test_secrets_are_hidden_however_deep() -> None:
    told = redacted({"options": [{"sentinel": {"password": "hush"}, "url": "amqp://u:hush@h"}], "port": 1})
    assert "hush" not in str(told)
    assert told["port"] == 1
