"""Names of rows that are made of other text than an object's name: valid DNS-1123 subdomains."""

import hashlib
import re
from typing import Final

_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9.-]")
_BROKEN_LABEL: Final = re.compile(r"\.[.-]|-\.")
_JOINT: Final = re.compile(r"[.-]+")


def slug(text: str) -> str:
    """The text in lower case, with `-` for every character that a name cannot have; may be empty."""
    joined = _NOT_IN_NAMES.sub("-", text.lower())
    if _BROKEN_LABEL.search(joined):
        # A DNS label begins and ends with a letter or digit, so "-.-" becomes ".".
        joined = _JOINT.sub(lambda joint: "." if "." in joint[0] else joint[0], joined)
    return joined.strip("-.")


def with_hash(name: str, longest: int, of: str) -> str:
    """A name cut to `longest` characters and the first 10 hex digits of a hash of `of`, which keep it unique."""
    digest = hashlib.sha256(of.encode()).hexdigest()[:10]
    return f"{name[:longest].rstrip('-.')}-{digest}".lstrip("-")
