"""Removes what is secret, or looks like it, from texts and objects before they enter a bundle.

Of objects, whatever may hold any text at all loses its values: environment variables, headers of probes, attributes
of volumes, ConfigMaps, and annotations other than those of Kubernetes and Helm whose values are known to be harmless.
Every remaining text is searched for credentials: private keys, JSON Web Tokens, `Authorization` headers, passwords
in URLs, tokens with a known prefix, and values that a name such as `password` announces. Certificates stay: they are
public, and most defects of an installation are about them. So do the data of the ConfigMap with which the API server
tells extension servers whom to trust: every authenticated user may read it.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from kubesum.edge.authn.requestheader import CONFIG_MAP

JsonValue = Any
"""A decoded JSON value: what an object of any kind may consist of."""

REDACTED: Final = "REDACTED"

_CREDENTIAL_NAME: Final = (
    r"(?:pass(?:word|wd|phrase)|pass(?![a-z])|pwd|(?<!tls-)secret|token"
    r"|(?:api|access|private|client|account|encryption|signing)[_-]?key|x-amz-signature|\bsig(?==)|credentials?|cookie|\bauth(?![a-z_-]))"
)
# All repetitions have bounds: a log may hold anything, and must not take quadratic time.
_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----BEGIN).){0,20000}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|(?:\\n|[A-Za-z0-9+/=\s])*)",
    re.DOTALL,
)
_END_OF_KEY: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BASE64_LINES: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\ \r\n"
_PEM_IN_BASE64: Final = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/_-]+=*")
_PATTERNS: Final[Sequence[tuple[re.Pattern[str], str]]] = (
    # RFC 7519: base64url of `{"`, and what follows; any of its parts may be cut off.
    (re.compile(r"eyJ[A-Za-z0-9_-]{16,8192}(?:\.[A-Za-z0-9_=-]*){0,4}"), REDACTED),
    (re.compile(r"base64url\.bearer\.authorization\.k8s\.io\.[A-Za-z0-9_-]+"), REDACTED),
    # Whatever its scheme is, up to the end of the line or string.
    (re.compile(r"""(authorization\\*["']?\s*[:=]\s*\\*["']?)[^"'\n]+""", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"\b(bearer)\s+[A-Za-z0-9._~+/=-]{12,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    # Base64, and no word such as in "basic authentication".
    (re.compile(r"\b([Bb]asic)\s+(?=[a-z+/]{0,200}[A-Z0-9=])[A-Za-z0-9+/=]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/\"']{1,1024}@", re.IGNORECASE), rf"\1{REDACTED}@"),
    # GitHub, GitLab, Slack, AWS, Google, OpenShift, Hugging Face, Stripe, npm and Docker; then OpenAI and Anthropic,
    # whose tokens are longer than what else begins so; then bootstrap tokens of Kubernetes.
    (
        re.compile(
            r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|AKIA|ASIA|AIza|sha256~|hf_|[sr]k_live_"
            r"|npm_|dckr_pat_)[A-Za-z0-9_-]{10,}"
        ),
        REDACTED,
    ),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), REDACTED),
    (re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), REDACTED),
)
_ANNOUNCED: Final = re.compile(
    rf"""(?P<name>{_CREDENTIAL_NAME}[\w.-]{{0,64}}\\*["']?\s{{0,8}}[:=]\s{{0,8}})"""
    r"""(?:"(?:[^"\\]|\\.){0,4096}"|\\+"[^"]{0,4096}"|'[^']{0,4096}'|["']?[^\s"'}&]+)""",
    re.IGNORECASE,
)
_FLAG_AND_VALUE: Final = re.compile(
    rf"""(?P<name>(?<![\w-])--?[\w.-]{{0,64}}{_CREDENTIAL_NAME}[\w.-]{{0,64}}\s{{1,8}})(?!-)[^\s"']+""", re.IGNORECASE
)
_SECRET_FLAG: Final = re.compile(rf"--?[\w.-]{{0,64}}{_CREDENTIAL_NAME}[\w.-]{{0,64}}", re.IGNORECASE)
_SECRET_MEMBER: Final = re.compile(_CREDENTIAL_NAME, re.IGNORECASE)
_NO_SECRET: Final = re.compile(r"-(?:file|path|dir|ttl|interval|name)\b", re.IGNORECASE)
"""Names that announce where a secret is, and not the secret itself."""

_HARMLESS_ANNOTATIONS: Final = (
    "deployment.kubernetes.io/",
    "endpoints.kubernetes.io/",
    "helm.sh/",
    "kubesum.dev/",
    "kubernetes.io/created-by-controller",
    "meta.helm.sh/",
    "rbac.authorization.kubernetes.io/",
    "summary.kubesum.dev/",
)
_MANAGED_FIELDS: Final = "managedFields"
_DATA: Final = "data"


def redacted_text(text: str) -> str:
    """The text without credentials."""
    text = _without_ends_of_keys(_KEY_BLOCK.sub(REDACTED, text))
    text = _PEM_IN_BASE64.sub(_unless_public, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _FLAG_AND_VALUE.sub(_announced, _ANNOUNCED.sub(_announced, text))


def redacted(value: JsonValue) -> JsonValue:
    """A Kubernetes object, a list of them, or a part, without what may be secret and without managedFields."""
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, Mapping):
        return {
            name: redacted(member) if name == _DATA and _is_public(value) else _member(name, member)
            for name, member in value.items()
            if name != _MANAGED_FIELDS
        }
    if isinstance(value, Sequence):
        return _arguments([redacted(one) for one in value])
    return value


def without_values(values: JsonValue) -> JsonValue:
    """What replaces the values of a map: how long they are."""
    if not isinstance(values, Mapping):
        return REDACTED
    return {name: _length(value) for name, value in values.items()}


def _is_public(found: Mapping[str, JsonValue]) -> bool:
    metadata = found.get("metadata")
    return isinstance(metadata, Mapping) and (metadata.get("namespace"), metadata.get("name")) == CONFIG_MAP


def _member(name: str, value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return REDACTED if _SECRET_MEMBER.fullmatch(name) else redacted_text(value)
    hide = _MEMBERS.get(name)
    return redacted(value) if hide is None or not value else hide(value)


def _annotations(values: JsonValue) -> JsonValue:
    if not isinstance(values, Mapping):
        return REDACTED
    return {
        name: redacted(value) if name.startswith(_HARMLESS_ANNOTATIONS) else _length(value)
        for name, value in values.items()
    }


def _named_values(values: JsonValue) -> JsonValue:
    """EnvVars or HTTPHeaders: their names, and where a value comes from, but not the value."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return REDACTED
    return [
        {name: _length(member) if name == "value" else redacted(member) for name, member in one.items()}
        if isinstance(one, Mapping)
        else REDACTED
        for one in values
    ]


_MEMBERS: Final[Mapping[str, Callable[[JsonValue], JsonValue]]] = {
    "annotations": _annotations,
    "env": _named_values,
    "httpHeaders": _named_values,
    "volumeAttributes": without_values,
    "binaryData": without_values,
    _DATA: without_values,
    "stringData": without_values,
}


def _length(value: JsonValue) -> str:
    return f"{REDACTED} ({len(value)} characters)" if isinstance(value, str) else REDACTED


def _arguments(values: list[JsonValue]) -> list[JsonValue]:
    """Redacts what follows a flag such as `--password` as an argument of its own."""
    for index, value in enumerate(values[1:], 1):
        flag = values[index - 1]
        is_secret = isinstance(flag, str) and _SECRET_FLAG.fullmatch(flag) and not _NO_SECRET.search(flag)
        if is_secret and isinstance(value, str) and not value.startswith("-"):
            values[index] = REDACTED
    return values


def _without_ends_of_keys(text: str) -> str:
    """The text without keys whose beginning is cut off, as where only the last lines of a log are read."""
    before, *others = _END_OF_KEY.split(text)
    for other in others:
        before = f"{before.rstrip(_BASE64_LINES)}{REDACTED}{other}"
    return before


def _announced(found: re.Match[str]) -> str:
    return found[0] if _NO_SECRET.search(found["name"]) else f"{found['name']}{REDACTED}"


def _unless_public(found: re.Match[str]) -> str:
    """PEM in base64, such as a caBundle, stays if it is whole and holds no key."""
    try:
        content = b64decode(found[0] + "=" * (-len(found[0]) % 4), b"+/", validate=True)
    except ValueError:
        return REDACTED
    is_public = content.startswith(b"-----BEGIN CERTIFICATE-----") and b"PRIVATE KEY" not in content
    return found[0] if is_public else REDACTED
