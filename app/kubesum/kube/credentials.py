"""Client configuration: the address of the API server, its CA, and kubesum's own credentials.

kubernetes_asyncio reads it from a kubeconfig (client certificates, tokens, exec plugins, OIDC) or from a pod's
ServiceAccount. It is a function, because `Upstream` loads it again when the API server answers 401 or its
certificate is no longer trusted. Errors in a file become a UsageError of one sentence that names the file.
"""

import logging
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yaml
from yarl import URL

from kubesum.kube.clientlibrary import (
    ConfigException,
    Configuration,
    KubeConfigMerger,
    load_incluster_config,
    load_kube_config,
)
from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import CREDENTIAL_RELOADS
from kubesum.vocabulary.errors import UsageError

log = logging.getLogger(__name__)

_USER: Final = re.compile(r"//[^/?#]*@")

ConfigLoader = Callable[[], Awaitable[Configuration]]
"""Loads the configuration as the files and plugins have it now; raises UsageError."""

SERVICE_ACCOUNT_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Mounted into every pod that has a ServiceAccount token."""

_API_KEY: Final = "BearerToken"
"""The name that kubernetes_asyncio gives to the token, whose value begins with `Bearer `."""
_LOG_REDUCTION: Final = LogReduction()
_DEFAULT_PATH: Final = "~/.kube/config"
# kubernetes_asyncio indexes a kubeconfig before it checks it, so a malformed one raises more than ConfigException.
_LOAD_ERRORS: Final = (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class Context:
    """A context of a kubeconfig: its name, and its default namespace, empty if it sets none."""

    name: str
    namespace: str


def kubeconfig(path: Path | None, context: str | None) -> ConfigLoader:
    """The loader of one context of a kubeconfig.

    Without `path` it is what KUBECONFIG names, else ~/.kube/config; without `context` the current one.
    """
    paths = _joined_paths(path)

    async def read() -> Configuration:
        chosen = _chosen_context(paths, context).name
        configuration = _empty_configuration()
        try:
            await load_kube_config(paths, chosen, configuration)
        except _LOAD_ERRORS as error:
            raise UsageError(f"kubeconfig {paths}, context {chosen!r}: {_reason(error)}") from error
        where = f"kubeconfig {paths}, context {chosen!r}"
        _check_server(configuration, where)
        _check_token(configuration, where)
        if (file := _token_file(paths, chosen)) and _API_KEY not in configuration.api_key:
            # Without it, requests would be those of an anonymous user, which get no 401 on which it is loaded again.
            raise UsageError(f"{where}: {file} holds no token")
        configuration.proxy = configuration.proxy or _environment_proxy(str(configuration.host))
        return configuration

    return read


def chosen_context(path: Path | None, context: str | None) -> Context:
    """The context that `kubeconfig` loads for the same arguments; raises UsageError."""
    return _chosen_context(_joined_paths(path), context)


def kubeconfig_files(path: Path | None) -> tuple[Path, ...]:
    """The files that are merged into one kubeconfig: `path`, else what KUBECONFIG names, else ~/.kube/config."""
    if path is not None:
        return (path,)
    named = os.environ.get("KUBECONFIG") or os.path.expanduser(_DEFAULT_PATH)
    return tuple(Path(name) for name in named.split(os.pathsep) if name)


async def in_cluster_config() -> Configuration:
    """Loads the ServiceAccount of this pod; kubernetes_asyncio re-reads its token every minute. Raises UsageError.

    While the file has none, the last token is used: the kubelet replaces it long before it expires.
    """
    configuration = _empty_configuration()
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # it has no types
    except (ConfigException, OSError, ValueError) as error:
        reason = _reason(error).rstrip(".")
        raise UsageError(
            f"no service account to use, is this a pod? {reason}; outside of one, set --kubeconfig"
        ) from error
    _check_token(configuration, "the service account of this pod")
    configuration.refresh_api_key_hook = _with_last_token(configuration.refresh_api_key_hook)
    return configuration


def _with_last_token(refresh: Any) -> Callable[[Configuration], None]:
    """Reads the token as `refresh` of kubernetes_asyncio does, and keeps the one before if that fails."""

    def refresh_or_keep(configuration: Configuration) -> None:
        last = configuration.api_key[_API_KEY]
        try:
            refresh(configuration)
            _check_token(configuration, "the service account of this pod")
        except (ConfigException, OSError, ValueError, UsageError) as error:
            configuration.api_key[_API_KEY] = last
            CREDENTIAL_RELOADS.labels("error").inc()
            if _LOG_REDUCTION.should_log(reason := _reason(error)):
                log.warning("token file cannot be read, using the last token", extra={"reason": reason})

    return refresh_or_keep


def own_namespace() -> str:
    """The namespace of this pod; raises UsageError outside of a pod."""
    try:
        return SERVICE_ACCOUNT_NAMESPACE.read_text().strip()
    except OSError as error:
        raise UsageError(
            f"{SERVICE_ACCOUNT_NAMESPACE} cannot be read, is this a pod? Outside of one, set --namespace"
        ) from error


def fingerprint(configuration: Configuration) -> bytes:
    """A digest of the CA, client certificate and key files; when it changes, connections have to be set up anew."""
    digest = sha256()
    for name in (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file):
        digest.update(sha256(Path(name).read_bytes() if name else b"").digest())
    return digest.digest()


def _empty_configuration() -> Configuration:
    configuration = Configuration(host="")
    # Strict verification demands key identifiers, which certificates made by kubeadm lack and Go does not check.
    configuration.disable_strict_ssl_verification = True
    return configuration


def _joined_paths(path: Path | None) -> str:
    return os.pathsep.join(map(str, kubeconfig_files(path)))


def _chosen_context(paths: str, context: str | None) -> Context:
    namespaces, current = _contexts(paths)
    chosen, known = context or current, ", ".join(namespaces) or "none"
    if not chosen:
        raise UsageError(f"kubeconfig {paths} has no current context; choose one of its contexts: {known}")
    if chosen not in namespaces:
        raise UsageError(f"kubeconfig {paths} has no context {chosen!r}; its contexts: {known}")
    return Context(chosen, namespaces[chosen])


def _contexts(paths: str) -> tuple[dict[str, str], str | None]:
    """The namespace of each context by its name, and the name of the current one."""
    if not any(os.path.exists(os.path.expanduser(path)) for path in paths.split(os.pathsep)):
        raise UsageError(f"kubeconfig {paths} does not exist")
    try:
        config = KubeConfigMerger(paths).config
        merged: dict[str, Any] = config.value if config else {}
        namespaces = {str(item.value["name"]): _namespace(item.value) for item in merged["contexts"]}
        return namespaces, merged.get("current-context")
    except yaml.YAMLError as error:
        raise UsageError(f"kubeconfig {paths} is not valid YAML{_position(error)}") from error
    except OSError as error:
        raise UsageError(f"kubeconfig {paths} cannot be read: {_reason(error)}") from error
    except (TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{paths} is not a kubeconfig") from error


def _namespace(context: dict[str, Any]) -> str:
    return str((context.get("context") or {}).get("namespace") or "")


def _check_server(configuration: Configuration, where: str) -> None:
    if not _is_http(configuration.host):
        server = _without_password(configuration.host)
        raise UsageError(f"{where}: server {server!r} is not a URL that begins with https://")
    if _without_password(configuration.host) != configuration.host:
        # It would be in every message that names the server.
        raise UsageError(f"{where}: the URL of the server holds a user name or password; use a token or certificate")
    if configuration.proxy and not _is_http(configuration.proxy):
        raise UsageError(f"{where}: proxy-url {_without_password(configuration.proxy)!r} is not an HTTP proxy")


def _without_password(url: str | None) -> str:
    """A URL, or what should be one, without user name and password."""
    return _USER.sub("//", url or "")


def _check_token(configuration: Configuration, where: str) -> None:
    # A line break at its end is removed before it is used.
    if not str(configuration.api_key.get(_API_KEY, "")).strip().isprintable():
        raise UsageError(f"{where}: the token holds characters that none has, such as line breaks")


def _token_file(paths: str, context: str) -> str:
    """The file that a context takes its token from; empty if there is none."""
    config = KubeConfigMerger(paths).config
    merged: dict[str, Any] = config.value if config else {}
    users = {item.value["name"]: item.value.get("user") or {} for item in merged.get("users") or ()}
    chosen = next(item.value for item in merged["contexts"] if item.value["name"] == context)
    user = users.get((chosen.get("context") or {}).get("user")) or {}
    return str(user.get("tokenFile") or "")


def _is_http(url: str | None) -> bool:
    try:
        parsed = URL(url or "")
        # A host that IDNA cannot encode would make each request fail with a UnicodeError.
        host = (parsed.raw_host or "").encode("idna")
    except ValueError:
        return False
    return parsed.scheme in ("http", "https") and host != b""


def _environment_proxy(host: str) -> str | None:
    url = urlsplit(host)
    proxy = getproxies().get(url.scheme)
    return proxy if proxy and not proxy_bypass(url.netloc) else None


def _position(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    # An exec plugin may print several lines: the first says what failed, the last says why.
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ... ".join(dict.fromkeys((lines[0], lines[-1]))) if lines else type(error).__name__
