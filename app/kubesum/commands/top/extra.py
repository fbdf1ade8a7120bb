"""Whether the terminal library is installed, which is an extra of the package."""

from importlib.util import find_spec


def is_installed() -> bool:
    """Whether textual can be imported; does not import it."""
    return find_spec("textual") is not None
