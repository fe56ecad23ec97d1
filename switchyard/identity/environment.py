"""Says which environment this is, in a colour of its own, wherever somebody could take it for another."""

from switchyard.conf import conf

#: A colour's name to what a terminal calls it. Pages have a class for each (switchyard.css).
COLOURS = {"red": "41;97", "amber": "43;30", "green": "42;30", "blue": "44;97", "grey": "100;97"}
#: Of an environment whose name begins so, where SWITCHYARD_ENVIRONMENT_COLOUR says nothing.
USUAL = {"prod": "red", "live": "red", "stag": "amber", "local": "green", "dev": "green", "test": "green"}
OTHER, UNNAMED = "blue", "grey"


def name() -> str:
    """As people call it."""
    return conf.ENVIRONMENT or "environment not named"


def colour() -> str:
    """One of COLOURS."""
    if conf.ENVIRONMENT_COLOUR in COLOURS:
        return str(conf.ENVIRONMENT_COLOUR)
    if not conf.ENVIRONMENT:
        return UNNAMED
    lower = conf.ENVIRONMENT.lower()
    return next((colour for begins, colour in USUAL.items() if lower.startswith(begins)), OTHER)


def header(*, coloured: bool) -> str:
    """Of what a command prints."""
    text = f" {name()} "
    return f"\x1b[{COLOURS[colour()]}m{text}\x1b[0m" if coloured else f"[{text.strip()}]"
