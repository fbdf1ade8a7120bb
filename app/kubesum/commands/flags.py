"""The flags of all commands: what can be said on the command line, and what each flag means.

One declaration is what is parsed, what `--help` prints and what the page of all flags shows. Nothing here loads more
than it needs: the commands themselves take most of a second.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from kubesum import __version__

VIEWS: Final = ("nodes", "namespaces", "workloads", "unhealthy", "images")
"""What top can look at, which is known without loading it."""

ALWAYS_ALLOWED: Final = ("/healthz", "/livez", "/readyz")
"""What kubelets ask for, who show no identity."""
MISUSED: Final = 2


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with the reason and where to read more."""
        self.exit(MISUSED, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = Parser(prog="kubesum", description="Answers about many pods at once, served as Kubernetes objects.")
    top.add_argument("--version", action="version", version=f"kubesum {__version__}")
    of = top.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    _serve(_command(of, "serve", "serve the cluster that this pod runs in, behind its API server"))
    _local(_command(of, "local", "look at a cluster or at files from here, with nothing installed in the cluster"))
    _demo(_command(of, "demo", "try it on a simulated cluster that lives"))
    _top(_command(of, "top", "look at a cluster that kubesum serves, live in a terminal"))
    _doctor(_command(of, "doctor", "say what keeps an installation of kubesum from working"))
    _render(_command(of, "render", "print what is generated from the declarations"))
    return top


def _command(of: "argparse._SubParsersAction[Parser]", name: str, purpose: str) -> argparse.ArgumentParser:
    return of.add_parser(name, help=purpose, description=f"{purpose[:1].upper()}{purpose[1:]}.")


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--secure-port", dest="port", type=port, default=10250, help="port (default: %(default)s)")
    command.add_argument("--bind-address", metavar="ADDRESS", default="", help="address (default: all)")
    command.add_argument(
        "--kubeconfig", metavar="FILE", type=Path, help="read with it (default: the service account of the pod)"
    )
    command.add_argument("--namespace", default="", help="namespace of the Service (default: that of the pod)")
    _certificate_options(command.add_argument_group("the serving certificate"))
    _usage_interval(command)
    command.add_argument(
        "--authorization-always-allow-paths",
        metavar="PATHS",
        dest="always_allowed",
        type=paths,
        default=ALWAYS_ALLOWED,
        help=f"paths that everybody may see, separated by commas (default: {','.join(ALWAYS_ALLOWED)})",
    )
    command.add_argument(
        "--max-requests-inflight",
        metavar="NUMBER",
        type=positive,
        default=400,
        help="requests answered at once, not counting watches (default: %(default)s)",
    )
    command.add_argument(
        "--shutdown-delay-duration",
        metavar="DURATION",
        type=duration,
        default=10.0,
        help="how long requests are answered after a first SIGTERM, for those who route them to learn of it "
        "(default: 10s)",
    )


def _certificate_options(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--tls-cert-file", metavar="FILE", type=Path, help="certificate and intermediates, PEM")
    group.add_argument("--tls-private-key-file", metavar="FILE", type=Path, help="its key, PEM")
    group.add_argument(
        "--tls-secret",
        metavar="NAME",
        default="kubesum-tls",
        help="without these files: Secret in which kubesum keeps what it issues to itself (default: %(default)s)",
    )
    group.add_argument(
        "--service-name",
        metavar="NAME",
        default="kubesum",
        help="Service that such a certificate is for (default: %(default)s)",
    )


def _local(command: argparse.ArgumentParser) -> None:
    cluster = command.add_argument_group("the cluster")
    _kubeconfig(cluster)
    cluster.add_argument(
        "--from",
        dest="path",
        metavar="PATH",
        type=Path,
        help="read files instead of a cluster: a file or folder of Kubernetes JSON or YAML",
    )
    _usage_interval(cluster)
    _port_and_kubeconfig_out(command)


def _kubeconfig(cluster: "argparse._ActionsContainer") -> None:
    cluster.add_argument(
        "--kubeconfig", metavar="FILE", type=Path, help="kubeconfig (default: $KUBECONFIG or ~/.kube/config)"
    )
    cluster.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")


def _top(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "view", nargs="?", choices=VIEWS, default=VIEWS[0], help="what to look at (default: %(default)s)"
    )
    _kubeconfig(command)
    where = command.add_mutually_exclusive_group()
    where.add_argument("-n", "--namespace", metavar="NAME", help="namespace (default: that of the context, else all)")
    where.add_argument(
        "-A", "--all-namespaces", dest="namespace", action="store_const", const="", help="all namespaces"
    )
    command.add_argument("-l", "--selector", metavar="LABELS", default="", help="label selector, as for kubectl")
    command.add_argument("--once", action="store_true", help="print the view as it is now, and end")


def _doctor(command: argparse.ArgumentParser) -> None:
    cluster = command.add_argument_group("the cluster")
    _kubeconfig(cluster)
    cluster.add_argument(
        "-n", "--namespace", metavar="NAME", default="", help="where kubesum is, if no APIService says it"
    )


def _demo(command: argparse.ArgumentParser) -> None:
    command.add_argument("--nodes", type=positive, default=30, help="number of nodes (default: %(default)s)")
    command.add_argument("--pods", type=positive, default=600, help="number of pods (default: %(default)s)")
    command.add_argument("--seed", type=int, default=1, help="seed of the world (default: %(default)s)")
    command.add_argument(
        "--churn",
        metavar="RATE",
        type=rate,
        default=2.0,
        help="happenings per second, 0 for none (default: %(default)s)",
    )
    _usage_interval(command)
    _port_and_kubeconfig_out(command)


def _usage_interval(command: argparse._ActionsContainer) -> None:
    command.add_argument(
        "--usage-interval",
        metavar="DURATION",
        type=interval,
        default="30s",
        help="how often to ask metrics.k8s.io what pods and nodes use, 0 for never (default: %(default)s)",
    )


def _render(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "what",
        choices=("docs", "flags", "rbac", "openapi-v2", "openapi-v3"),
        help="docs, flags: the pages of all resources and of all flags; rbac: the ClusterRoles of the server and of "
        "its readers; openapi-v2, openapi-v3: what kubectl explain reads",
    )


def _port_and_kubeconfig_out(command: argparse.ArgumentParser) -> None:
    command.add_argument("--port", type=port, default=0, help="port on 127.0.0.1 (default: any free one)")
    _kubeconfig_out(command)


def _kubeconfig_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--kubeconfig-out",
        metavar="FILE",
        type=Path,
        help="keep the kubeconfig in FILE (default: a temporary file, removed at the end)",
    )


def port(text: str) -> int:
    """A port number, 0 for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def positive(text: str) -> int:
    """A number of things, at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def rate(text: str) -> float:
    """A number of happenings per second."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return number


def duration(text: str) -> float:
    """Seconds, from a duration such as 10s or 1m30s."""
    from kubesum.api.requests.query import duration_s  # noqa: PLC0415 (see run)

    try:
        seconds = duration_s(text)
    except ValueError:
        seconds = -1.0
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 10s or 1m30s")
    return seconds


def paths(text: str) -> tuple[str, ...]:
    """Paths that are separated by commas; one may end with `*`."""
    found = tuple(path for path in text.split(",") if path)
    if strange := [path for path in found if not path.startswith("/")]:
        raise argparse.ArgumentTypeError(f"{strange[0]!r} is not a path, which begins with /")
    return found


def interval(text: str) -> float:
    """Seconds between two polls: 0, or a duration of at least one second."""
    seconds = duration(text)
    if 0 < seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 0 nor a duration of at least 1s")
    return seconds


def reference() -> str:
    """The page of all commands and their flags, in Markdown."""
    [commands] = [action for action in _actions(parser()) if isinstance(action, argparse._SubParsersAction)]
    return "\n".join(["# Commands and flags", *(_page(name, one) for name, one in commands.choices.items())])


def _page(name: str, command: argparse.ArgumentParser) -> str:
    rows = [row for action in _actions(command) for row in _row(action)]
    table = ["", "| flag | meaning |", "|---|---|", *rows]
    return "\n".join(["", f"## kubesum {name}", "", command.description or "", *table])


def _actions(command: argparse.ArgumentParser) -> list[argparse.Action]:
    # argparse has no public name for them.
    return command._actions


def _row(action: argparse.Action) -> Iterator[str]:
    if isinstance(action, argparse._HelpAction):
        return
    value = f" {action.metavar}" if isinstance(action.metavar, str) else ""
    names = ", ".join(f"`{name}{value}`" for name in action.option_strings) or f"`{action.metavar or action.dest}`"
    told = (action.help or "") % vars(action)
    of = f" One of {', '.join(f'`{choice}`' for choice in action.choices)}." if action.choices else ""
    yield f"| {names} | {told[:1].upper()}{told[1:]}.{of} |"
