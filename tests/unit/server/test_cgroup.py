"""The limit of the control group, from files as the kernel writes them."""

from pathlib import Path

import pytest

from kubesum.server.cgroup import MemoryGroup, memory_group

MIB = 1 << 20
V1_UNLIMITED = "9223372036854771712\n"


def written(root: Path, files: dict[str, str]) -> Path:
    """A directory with these files, by path."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def group(tmp_path: Path, proc: str, files: dict[str, str]) -> MemoryGroup | None:
    (tmp_path / "cgroup").write_text(proc)
    return memory_group(tmp_path / "cgroup", written(tmp_path / "mount", files))


def test_the_limit_of_a_container_is_at_the_root_of_the_mount(tmp_path: Path) -> None:
    """Version 2, with a namespace of its own, as Kubernetes starts containers."""
    files = {
        "memory.max": "536870912\n",
        "memory.high": "max\n",
        "memory.current": "419430400\n",
        "memory.stat": "anon 314572800\nfile 104857600\nkernel 4096\ninactive_file 52428800\nactive_file 52428800\n",
    }

    found = group(tmp_path, "0::/\n", files)

    assert found is not None
    assert found.limit_bytes == 512 * MIB
    assert found.used_bytes() == 350 * MIB


@pytest.mark.parametrize(("maximum", "high", "limit"), [("5", "4", 4), ("5", "6", 5), ("max", "3", 3)])
def test_the_lower_of_both_limits_counts(tmp_path: Path, maximum: str, high: str, limit: int) -> None:
    """Above memory.high the kernel slows the process down before it kills it."""
    found = group(tmp_path, "0::/\n", {"memory.max": f"{maximum}\n", "memory.high": f"{high}\n"})

    assert found is not None
    assert found.limit_bytes == limit


def test_a_lower_limit_of_an_outer_group_counts_with_what_that_uses(tmp_path: Path) -> None:
    files = {
        "system.slice/memory.max": "100\n",
        "system.slice/memory.current": "90\n",
        "system.slice/memory.stat": "inactive_file 10\n",
        "system.slice/kubesum.service/memory.max": "200\n",
        "system.slice/kubesum.service/memory.current": "30\n",
        "system.slice/kubesum.service/memory.stat": "inactive_file 0\n",
    }

    found = group(tmp_path, "0::/system.slice/kubesum.service\n", files)

    assert found is not None
    assert (found.limit_bytes, found.used_bytes()) == (100, 80)


def test_version_1_is_read(tmp_path: Path) -> None:
    """The path is that on the node, while the mount begins with the group of the container."""
    proc = "5:cpu,cpuacct:/kubepods/pod1/c1\n4:memory:/kubepods/pod1/c1\n0::/\n"
    files = {
        "memory/memory.limit_in_bytes": "268435456\n",
        "memory/memory.usage_in_bytes": "200000000\n",
        "memory/memory.stat": "cache 9\ninactive_file 1\ntotal_cache 9000\ntotal_inactive_file 5000\n",
    }

    found = group(tmp_path, proc, files)

    assert found is not None
    assert (found.limit_bytes, found.used_bytes()) == (256 * MIB, 199_995_000)


@pytest.mark.parametrize(
    ("proc", "files"),
    [
        ("0::/\n", {"memory.max": "max\n", "memory.high": "max\n"}),
        ("0::/\n", {}),
        ("", {"memory.max": "100\n"}),
        ("1:name=systemd:/\n", {"memory.max": "100\n"}),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": V1_UNLIMITED}),
        ("0::/\n", {"memory.max": "garbage\n"}),
    ],
)
def test_no_limit_is_none(tmp_path: Path, proc: str, files: dict[str, str]) -> None:
    assert group(tmp_path, proc, files) is None


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert memory_group(tmp_path / "nothing", tmp_path) is None


def test_a_path_outside_of_the_namespace_is_not_followed(tmp_path: Path) -> None:
    written(tmp_path, {"secret/memory.max": "1\n"})

    found = group(tmp_path, "0::/../secret\n", {"memory.max": "100\n"})

    assert found is not None
    assert found.limit_bytes == 100


def test_the_files_of_this_machine_can_be_read() -> None:
    found = memory_group()

    assert found is None or found.used_bytes() > 0
