"""The one entry hands a command line on to the verb that it names."""

import pytest
from django.core.management import execute_from_command_line


@pytest.mark.parametrize(("verb", "own"), [("topology", "--replace-empty"), ("worker", "--concurrency")])
def test_a_verb_of_manage_py_has_its_own_help(
    verb: str, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["manage.py", "switchyard", verb, *(["apply"] if verb == "topology" else []), "--help"]
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(words)
    assert ended.value.code == 0
    assert own in capsys.readouterr().out
