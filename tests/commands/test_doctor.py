"""`kubesum doctor` as a user runs it: its lines on standard output, and its exit code."""

import os
import re
import socket
import sys
from pathlib import Path

from tests.commands.running import failed, kubesum, permissions, ready
from tests.commands.running import output as output_of
from tests.commands.terminal import on_terminal
from tests.doctor.bundles import unpacked
from tests.unit.kube.kubeconfigs import written_kubeconfig

STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0")


def archives(home: Path) -> list[Path]:
    """The archives in a folder, also the hidden ones."""
    return [path for path in home.iterdir() if ".tar.gz" in path.name]


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


async def test_a_bundle_is_a_file_of_its_owner(tmp_path: Path) -> None:
    config = tmp_path / "demo.kubeconfig"
    async with ready(tmp_path, "demo", *STILL, "--kubeconfig-out", str(config)):
        file = tmp_path / "report.tar.gz"
        file.write_bytes(b"an older one")
        command = (sys.executable, "-m", "kubesum", "doctor", "--kubeconfig", str(config), "--bundle", str(file))
        output = await output_of(tmp_path, *command)
        async with kubesum(tmp_path, "doctor", "--kubeconfig", str(config), "--bundle", "-") as piped:
            assert piped.process.stdout is not None
            archive = await piped.process.stdout.read()
            of_pipe = await piped.ended()

    found = unpacked(file.read_bytes())
    assert output.code == 0
    size = f"{len(found.texts) - 1} files, {file.stat().st_size / 1024:.0f} KiB"
    assert output.out.splitlines()[-1] == f"wrote {file}: {size}; look through it before you send it"
    assert permissions(file) == 0o600
    assert archives(tmp_path) == [file]
    lines = output.err.splitlines()
    assert all(line.startswith("not in the bundle: ") for line in lines)
    assert sum(line.count(".log") for line in lines) == 2
    assert found.texts["doctor.txt"].splitlines() == output.out.splitlines()[:-1]
    assert unpacked(archive).texts.keys() == found.texts.keys()
    assert (of_pipe.code, of_pipe.out) == (0, "")
    assert of_pipe.err.splitlines()[0] == output.out.splitlines()[0]


async def test_a_bundle_without_a_server(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", "https://127.0.0.1:1")

    elsewhere = ("sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path), sys.executable, "-m", "kubesum")
    output = await output_of(tmp_path, *elsewhere, "doctor", "--kubeconfig", str(config), "--bundle")

    (file,) = archives(tmp_path)
    assert re.fullmatch(r"kubesum-bundle-\d{8}T\d{6}Z\.tar\.gz", file.name)
    assert output.code == 1
    assert output.err.splitlines() == [
        "not in the bundle: objects, pods, discovery: cannot reach https://127.0.0.1:1: connection refused",
        "kubesum: 1 of 2 checks failed; fix the first, and run this again",
    ]
    assert unpacked(file.read_bytes()).texts["doctor.txt"] == "\n".join(output.out.splitlines()[:2]) + "\n"


async def test_a_bundle_that_cannot_be_written(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", "https://127.0.0.1:1")
    absent = tmp_path / "nothing" / "a.tar.gz"

    for path, reason in ((absent, "No such file or directory"), (tmp_path, "Is a directory")):
        output = await failed(tmp_path, "doctor", "--kubeconfig", str(config), "--bundle", str(path))

        assert (output.code, output.out) == (1, "")
        assert output.err == f"kubesum: the bundle {path} cannot be written: {reason}; name another file\n"


async def test_a_bundle_leaves_a_device_in_place(tmp_path: Path) -> None:
    """Such as /dev/null: as root it was replaced by a file, for everybody."""
    config = written_kubeconfig(tmp_path / "config", "https://127.0.0.1:1")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        output = await failed(tmp_path, "doctor", "--kubeconfig", str(config), "--bundle", str(pipe))
        archive = reader.read()

    assert "doctor.txt" in unpacked(archive).texts
    assert output.out.splitlines()[-1].startswith(f"wrote {pipe}: 4 files, ")
    assert pipe.is_fifo()
    assert archives(tmp_path) == []


async def test_a_bundle_on_a_full_disk(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", "https://127.0.0.1:1")
    file = tmp_path / "report.tar.gz"

    # No file may grow, which stands for a disk that is full.
    limited = ("sh", "-c", 'ulimit -f 0 && exec "$@"', "sh", sys.executable, "-m", "kubesum")
    output = await output_of(tmp_path, *limited, "doctor", "--kubeconfig", str(config), "--bundle", str(file))

    assert output.code == 1
    assert output.err.splitlines()[-1] == (
        f"kubesum: the bundle {file} cannot be written: File too large; name another file"
    )
    assert "wrote" not in output.out
    assert archives(tmp_path) == []


async def test_a_bundle_is_not_written_to_a_terminal(tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", "https://127.0.0.1:1")

    async with on_terminal(tmp_path, "doctor", "--kubeconfig", str(config), "--bundle", "-", size=(120, 10)) as shown:
        await shown.shows("the bundle is binary, so it is not written to a terminal; redirect it, or name a file")
        assert await shown.ended() == 1
