"""The flags of `kubesum serve`, named as those of kube-apiserver."""

import argparse
from pathlib import Path

from kubesum.commands import arguments, sharedflags
from kubesum.commands.arguments import Parser
from kubesum.vocabulary import defaults


def add(command: Parser) -> None:
    """Declares the flags of `kubesum serve`."""
    command.conflict = _conflict
    command.add_argument(
        "--secure-port",
        metavar="NUMBER",
        type=arguments.port,
        default=defaults.SECURE_PORT,
        help="port to listen on (default: %(default)s)",
    )
    command.add_argument(
        "--bind-address", metavar="ADDRESS", default="", help="address to listen on (default: all addresses)"
    )
    command.add_argument(
        "--kubeconfig",
        metavar="FILE",
        type=Path,
        help="kubeconfig of the connection to the API server (default: the service account of the pod)",
    )
    command.add_argument(
        "--namespace",
        metavar="NAME",
        type=arguments.object_name,
        default="",
        help="namespace of the Service and the Secret (default: that of the pod)",
    )
    _certificate_flags(command.add_argument_group("the serving certificate"))
    sharedflags.usage_interval(command)
    sharedflags.rollup_annotations(command)
    _request_flags(command)
    _log_flags(command.add_argument_group("the log"))


def _request_flags(command: Parser) -> None:
    command.add_argument(
        "--authorization-always-allow-paths",
        metavar="PATHS",
        type=arguments.paths,
        default=defaults.ALWAYS_ALLOW_PATHS,
        help="paths that are served without authorization, separated by commas "
        f"(default: {','.join(defaults.ALWAYS_ALLOW_PATHS)})",
    )
    command.add_argument(
        "--max-connections",
        metavar="NUMBER",
        type=arguments.positive,
        help="connections open at the same time; a new one takes the place of the one idle for the longest time, and "
        "watches take at most half of them, other requests a quarter (default: as the limit of open files allows, at "
        "most 10000)",
    )
    command.add_argument(
        "--max-requests-inflight",
        metavar="NUMBER",
        type=arguments.positive,
        default=defaults.MAX_REQUESTS_INFLIGHT,
        help="requests served at the same time, not counting watches; others get 429 (default: %(default)s)",
    )
    command.add_argument(
        "--user-share-percent",
        metavar="NUMBER",
        type=arguments.percent,
        default=defaults.USER_SHARE_PERCENT,
        help="percentage of the requests in flight, and of the watches, that one user gets at most; further ones get "
        "429 (default: %(default)s)",
    )
    command.add_argument(
        "--memory-limit",
        metavar="QUANTITY",
        type=arguments.memory,
        help="memory to keep below, such as 512Mi: caches are dropped at 85 percent of it, lists and new watches "
        "refused at 92 percent; 0 for no limit (default: the lower of memory.max and memory.high of the cgroup)",
    )
    command.add_argument(
        "--rollup-metrics",
        metavar="LIST",
        type=rollup_metrics,
        default=(),
        help=f"summaries that /metrics has as gauges, separated by commas: {', '.join(defaults.ROLLUP_METRICS)} "
        "(default: none)",
    )
    command.add_argument(
        "--shutdown-delay-duration",
        metavar="DURATION",
        type=arguments.duration,
        default=defaults.SHUTDOWN_DELAY_S,
        help="how long requests are still served after the first SIGTERM, while /readyz fails "
        f"(default: {defaults.SHUTDOWN_DELAY_S:g}s)",
    )


def _log_flags(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--access-log",
        metavar="WHICH",
        choices=(defaults.ACCESS_LOG_OFF, defaults.ACCESS_LOG_ERRORS, defaults.ACCESS_LOG_ALL),
        default=defaults.ACCESS_LOG_ERRORS,
        help="requests that are logged, one line each: off, errors (code 429, 500 and above, or slower than a "
        "second), all (default: %(default)s)",
    )
    group.add_argument(
        "--log-format",
        metavar="FORMAT",
        choices=defaults.LOG_FORMATS,
        default="json",
        help="format of a line of the log: json or text (default: %(default)s)",
    )
    group.add_argument(
        "--log-level",
        metavar="LEVEL",
        choices=defaults.LOG_LEVELS,
        default="info",
        help="least level that is logged: debug, with each request to the API server and tracebacks of internal "
        "errors, info, warning or error (default: %(default)s)",
    )


def rollup_metrics(text: str) -> tuple[str, ...]:
    """The plurals of the resources that a list such as `cluster,nodes` stands for."""
    names = [name for name in text.split(",") if name]
    if unknown := [name for name in names if name not in defaults.ROLLUP_METRICS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(defaults.ROLLUP_METRICS)}")
    return tuple(defaults.ROLLUP_METRICS[name] for name in dict.fromkeys(names))


def _certificate_flags(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--tls-cert-file",
        metavar="FILE",
        type=Path,
        help="serving certificate, followed by its intermediates, in PEM (default: a self-managed certificate)",
    )
    group.add_argument(
        "--tls-private-key-file", metavar="FILE", type=Path, help="private key of the serving certificate, in PEM"
    )
    group.add_argument(
        "--tls-secret",
        metavar="NAME",
        type=arguments.object_name,
        default=defaults.TLS_SECRET,
        help="Secret that stores the self-signed CA and certificate; unused with --tls-cert-file "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--service-name",
        metavar="NAME",
        type=arguments.object_name,
        default=defaults.SERVICE_NAME,
        help="Service that the self-managed certificate is issued for; unused with --tls-cert-file "
        "(default: %(default)s)",
    )


def _conflict(options: argparse.Namespace) -> str:
    if (options.tls_cert_file is None) != (options.tls_private_key_file is None):
        return "--tls-cert-file and --tls-private-key-file must be set together"
    return ""
