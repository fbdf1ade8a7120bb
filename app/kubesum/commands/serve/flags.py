"""The flags of `kubesum serve`: what can be set of a server in a cluster."""

import argparse
from pathlib import Path

from kubesum.commands import arguments, sharedflags
from kubesum.vocabulary import defaults


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum serve`."""
    command.add_argument(
        "--secure-port",
        type=arguments.port,
        default=defaults.SECURE_PORT,
        help="port (default: %(default)s)",
    )
    command.add_argument("--bind-address", metavar="ADDRESS", default="", help="address (default: all)")
    command.add_argument(
        "--kubeconfig", metavar="FILE", type=Path, help="read with it (default: the service account of the pod)"
    )
    command.add_argument("--namespace", default="", help="namespace of the Service (default: that of the pod)")
    _certificate_options(command.add_argument_group("the serving certificate"))
    sharedflags.usage_interval(command)
    command.add_argument(
        "--authorization-always-allow-paths",
        metavar="PATHS",
        type=arguments.paths,
        default=defaults.ALWAYS_ALLOW_PATHS,
        help=f"paths that everybody may see, separated by commas (default: {','.join(defaults.ALWAYS_ALLOW_PATHS)})",
    )
    command.add_argument(
        "--max-requests-inflight",
        metavar="NUMBER",
        type=arguments.positive,
        default=defaults.MAX_REQUESTS_INFLIGHT,
        help="requests answered at once, not counting watches (default: %(default)s)",
    )
    command.add_argument(
        "--shutdown-delay-duration",
        metavar="DURATION",
        type=arguments.duration,
        default=defaults.SHUTDOWN_DELAY_S,
        help="how long requests are answered after a first SIGTERM, for those who route them to learn of it "
        f"(default: {defaults.SHUTDOWN_DELAY_S:g}s)",
    )


def _certificate_options(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--tls-cert-file", metavar="FILE", type=Path, help="certificate and intermediates, PEM")
    group.add_argument("--tls-private-key-file", metavar="FILE", type=Path, help="its key, PEM")
    group.add_argument(
        "--tls-secret",
        metavar="NAME",
        default=defaults.TLS_SECRET,
        help="without these files: Secret in which kubesum keeps what it issues to itself (default: %(default)s)",
    )
    group.add_argument(
        "--service-name",
        metavar="NAME",
        default=defaults.SERVICE_NAME,
        help="Service that such a certificate is for (default: %(default)s)",
    )
