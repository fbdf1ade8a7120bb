"""Names of rows that are not named after one object: lower-case DNS-1123 subdomains made of free text."""

import hashlib
import re
from typing import Final

_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9.-]")
_BROKEN_LABEL: Final = re.compile(r"\.[.-]|-\.")
_JOINT: Final = re.compile(r"[.-]+")


def slug(text: str) -> str:
    """The text with everything that no name may have turned into `-`; empty where nothing else is in it."""
    joined = _NOT_IN_NAMES.sub("-", text.lower())
    if _BROKEN_LABEL.search(joined):
        # A label of a name begins and ends with a letter or digit: of "-.-" only the dot is left.
        joined = _JOINT.sub(lambda joint: "." if "." in joint[0] else joint[0], joined)
    return joined.strip("-.")


def with_hash(name: str, longest: int, of: str) -> str:
    """A name cut to `longest` characters, and 10 hex digits that tell apart what the cut or the slug did not."""
    digest = hashlib.sha256(of.encode()).hexdigest()[:10]
    return f"{name[:longest].rstrip('-.')}-{digest}".lstrip("-")
