"""Every flag of `kubesum serve` has an effect."""

import pytest

from kubesum.cli import parsed
from kubesum.commands.serve.run import serve_options

FILES = ("--tls-cert-file", "a.crt", "--tls-private-key-file", "a.key")


FLAGS = (
    ("--secure-port", "8443"),
    ("--bind-address", "127.0.0.1"),
    ("--kubeconfig", "config"),
    ("--namespace", "a"),
    FILES,
    ("--tls-secret", "a"),
    ("--service-name", "a"),
    ("--usage-interval", "5s"),
    ("--rollup-annotations", "example.org/cost"),
    ("--authorization-always-allow-paths", "/metrics"),
    ("--max-requests-inflight", "7"),
    ("--rollup-metrics", "nodes"),
    ("--shutdown-delay-duration", "3s"),
    ("--access-log", "all"),
)


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: flags[0])
def test_a_flag_changes_the_options(flags: tuple[str, ...]) -> None:
    """--access-log and --rollup-annotations were parsed, and then lost."""
    assert serve_options(parsed(["serve", *flags])) != serve_options(parsed(["serve"]))
