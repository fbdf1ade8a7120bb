"""`kubesum doctor` as a user runs it: its lines on standard output, and its exit code."""

import re
import socket
from pathlib import Path

from tests.commands.running import failed, kubesum, ready

STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0")


async def test_the_demo_passes_all_checks(tmp_path: Path) -> None:
    config = tmp_path / "demo.kubeconfig"
    async with ready(tmp_path, "demo", *STILL, "--kubeconfig-out", str(config)):
        async with kubesum(tmp_path, "doctor", "--kubeconfig", str(config)) as checked:
            output = await checked.ended()
        async with kubesum(tmp_path, "doctor", "--kubeconfig", str(config), "--context", "tenant") as checked:
            of_tenant = await checked.ended()

    assert (output.code, output.err) == (0, "")
    assert re.fullmatch(
        r"ok    API server https://127\.0\.0\.1:\d+: Kubernetes v1\.36\.2", output.out.splitlines()[0]
    )
    assert {line[:6] for line in output.out.splitlines()} <= {"ok    ", "warn  "}
    assert of_tenant.code == 0
    assert "you may not get apiservices.apiregistration.k8s.io" in of_tenant.out


async def test_a_failed_check_is_an_exit_code(tmp_path: Path) -> None:
    config = tmp_path / "demo.kubeconfig"
    async with ready(tmp_path, "demo", *STILL, "--kubeconfig-out", str(config)) as demo:
        await demo.kubectl("delete", "apiservice", "v1alpha1.summary.kubesum.dev")
        async with kubesum(tmp_path, "doctor", "--kubeconfig", str(config)) as checked:
            output = await checked.ended()

    assert output.code == 1
    assert output.err == "kubesum: 1 of 9 checks failed; fix the first, and run this again\n"
    assert output.out.splitlines()[2] == (
        "FAIL  APIService v1alpha1.summary.kubesum.dev: not found, so kubesum is not installed; helm install kubesum "
        "helm/kubesum --namespace kubesum-system --create-namespace"
    )


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"https://127.0.0.1:{taken.getsockname()[1]}"
    config = tmp_path / "config"
    config.write_text(
        '{"apiVersion": "v1", "kind": "Config", "current-context": "a",'
        f'"clusters": [{{"name": "a", "cluster": {{"server": "{url}"}}}}], "users": [{{"name": "a", "user": {{}}}}],'
        '"contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]}'
    )

    output = await failed(tmp_path, "doctor", "--kubeconfig", str(config))

    assert (output.code, output.err) == (1, "kubesum: 1 of 2 checks failed; fix the first, and run this again\n")
    assert output.out.splitlines() == [
        f"FAIL  API server: cannot reach {url}: connection refused; check the server and the credentials in the "
        "kubeconfig",
        "skip  all other checks: they need the API server",
    ]


async def test_a_missing_kubeconfig(tmp_path: Path) -> None:
    output = await failed(tmp_path, "doctor", "--kubeconfig", str(tmp_path / "nothing"))

    assert (output.code, output.out) == (1, "")
    assert output.err == f"kubesum: kubeconfig {tmp_path / 'nothing'} does not exist\n"
