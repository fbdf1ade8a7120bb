"""Every flag of `kubesum serve` reaches the server."""

from pathlib import Path

from kubesum.cli import parsed
from kubesum.commands.serve.run import ServeOptions, serve_options
from kubesum.server.runtime import Limits


def test_all_flags_reach_the_server() -> None:
    """--access-log and --rollup-annotations had no effect."""
    flags = """
        --secure-port=1 --bind-address=::1 --kubeconfig=/a --namespace=b --tls-cert-file=/c --tls-private-key-file=/d
        --tls-secret=e --service-name=f --usage-interval=2s --rollup-annotations=example.org/g
        --authorization-always-allow-paths=/h --max-connections=3 --max-requests-inflight=4
        --user-share-percent=6 --memory-limit=700Mi --rollup-metrics=nodes
        --shutdown-delay-duration=5s --access-log=all
    """

    assert serve_options(parsed(["serve", *flags.split()])) == ServeOptions(
        secure_port=1,
        bind_address="::1",
        kubeconfig=Path("/a"),
        namespace="b",
        tls_files=(Path("/c"), Path("/d")),
        tls_secret="e",
        service_name="f",
        usage_interval_s=2.0,
        always_allow_paths=("/h",),
        limits=Limits(
            max_connections=3,
            max_requests_inflight=4,
            user_share_percent=6,
            memory_limit_bytes=700 << 20,
            shutdown_delay_s=5.0,
            rollup_metrics=("nodesummaries",),
            access_log="all",
            annotations=("example.org/g",),
        ),
    )
