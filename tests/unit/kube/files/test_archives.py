"""What is packed in files: gzip, tar, and each in the other; damaged, endless and hostile ones."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.kube.files.archives import MOST_LAYERS, Text, Unopened, is_wanted, texts
from kubesum.kube.files.streams import Budget, Stream
from kubesum.vocabulary.errors import UsageError

MIB = 1 << 20


def tar(files: Mapping[str, bytes], format_: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of regular files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format_) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def opened(name: str, content: bytes, budget_bytes: int = MIB * 64) -> dict[str, bytes | str]:
    """Content of each text by name, and the reason for each file that cannot be read."""
    return {
        one.name: one.content if isinstance(one, Text) else one.reason
        for one in unpacked(name, content, budget_bytes)
    }


def unpacked(name: str, content: bytes, budget_bytes: int = MIB * 64) -> Iterator[Text | Unopened]:
    """The texts of a file that was named."""
    return texts(name, Stream(io.BytesIO(content).read), Budget(Path(name), budget_bytes), is_named=True)


# Without a time, since it names a test.
CUT_GZIP = gzip.compress(b"x" * 100, mtime=0)[:-9]
FILES = {
    "nodes.json": b"{}",
    "deep/er/pods.yaml": b"a: 1",
    "deep/logs.txt": b"a log",
    "deep/dump.txt": b'{"a": 1}',
    "x.log": b"{}",
}
READ = {"nodes.json": b"{}", "deep/er/pods.yaml": b"a: 1", "deep/dump.txt": b'{"a": 1}'}


def below(name: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{name}/{member}": content for member, content in files.items()}


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_archive_is_read_without_being_unpacked(format_: int, pack: Callable[[bytes], bytes]) -> None:
    assert opened("bundle", pack(tar(FILES, format_))) == below("bundle", READ)


def test_a_text_that_is_compressed() -> None:
    assert opened("dump.json.gz", gzip.compress(b"{}")) == {"dump.json.gz": b"{}"}


def test_a_text_that_is_compressed_in_several_pieces_and_twice() -> None:
    assert opened("dump.gz", gzip.compress(gzip.compress(b"{") + gzip.compress(b"}"))) == {"dump.gz": b"{}"}


def test_archives_in_archives() -> None:
    inner = gzip.compress(tar({"pods.json.gz": gzip.compress(b"{}")}))
    outer = gzip.compress(tar({"inner.tar.gz": gzip.compress(tar({"most.tgz": inner}))}))

    assert opened("outer.tgz", outer) == {"outer.tgz/inner.tar.gz/most.tgz/pods.json.gz": b"{}"}


def test_what_is_packed_more_often_than_anybody_packs_is_left_out() -> None:
    packed = b"{}"
    for _ in range(MOST_LAYERS + 1):
        packed = gzip.compress(packed)

    assert opened("dump.gz", packed) == {"dump.gz": "it is packed more than 8 times"}


@pytest.mark.parametrize("format_", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_foreign_ones(format_: int) -> None:
    files = {
        f"{'d' * 90}/{'e' * 90}/{'f' * 90}.json": b"1",
        "Grüße.json": b"2",
        "../../../etc/x.json": b"3",
        "/root.json": b"4",
    }

    assert opened("a.tar", tar(files, format_)) == below("a.tar", files)


def test_links_devices_and_folders_are_passed_over() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, type_ in (
            ("link.json", tarfile.SYMTYPE),
            ("hard.json", tarfile.LNKTYPE),
            ("tty.json", tarfile.CHRTYPE),
            ("disk.json", tarfile.BLKTYPE),
            ("pipe.json", tarfile.FIFOTYPE),
            ("folder.json", tarfile.DIRTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = type_, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("last.json")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"{}"))

    assert opened("a.tar", packed.getvalue()) == {"a.tar/last.json": b"{}"}


def test_an_archive_without_a_mark_is_known_by_its_name() -> None:
    unmarked = bytearray(tar({"a.json": b"{}"}, tarfile.USTAR_FORMAT))
    checksum = sum(unmarked[:512]) - sum(unmarked[148:156]) + 8 * 32 - sum(unmarked[257:265])
    unmarked[257:265] = bytes(8)
    unmarked[148:156] = b"%06o\0 " % checksum

    assert opened("a.tar", bytes(unmarked)) == {"a.tar/a.json": b"{}"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.zip", b"PK\x03\x04rest", "it is packed by zip: unpack it, and name the folder"),
        ("a.json.bz2", b"BZh91AY", "it is packed by bzip2: unpack it, and name the folder"),
        ("a.tar.xz", b"\xfd7zXZ\0\0", "it is packed by xz: unpack it, and name the folder"),
        ("a.gz", b"\x1f\x8b\x08", "Compressed file ended before the end-of-stream marker was reached"),
        ("a.gz", CUT_GZIP, "Compressed file ended before the end-of-stream marker was reached"),
        ("a.tar", b"no archive" * 100, "invalid header"),
        ("a.tar", tar({"a.txt": b"x" * 10})[:100], "truncated header"),
    ],
)
def test_what_cannot_be_unpacked_is_named_with_the_reason(name: str, content: bytes, reason: str) -> None:
    assert opened(name, content) == {name: reason}


def test_of_a_damaged_archive_the_files_before_the_damage_are_read() -> None:
    whole = tar({"a.json": b"{}", "b.json": b"x" * 5000, "c.json": b"{}"})
    broken = bytearray(whole)
    broken[1024:1100] = b"!" * 76

    assert opened("a.tar", bytes(broken)) == {"a.tar/a.json": b"{}", "a.tar": "bad checksum"}
    assert opened("a.tar", whole[:4000]) == {
        "a.tar/a.json": b"{}",
        "a.tar/b.json": "it ends within a file",
        "a.tar": "it ends within a file",
    }


def test_what_follows_a_compressed_text_costs_itself_alone() -> None:
    """As for gzip, which says `trailing garbage ignored`; the whole file was left out."""
    packed = tar({"a.json.gz": gzip.compress(b"{}") + b"garbage", "b.json.gz": gzip.compress(b"{}") + bytes(512)})

    assert [
        (one.name, one.content if isinstance(one, Text) else one.reason) for one in unpacked("a.tar", packed)
    ] == [
        ("a.tar/a.json.gz", b"{}"),
        ("a.tar/a.json.gz", "its end, which is not packed by gzip"),
        ("a.tar/b.json.gz", b"{}"),
    ]


def test_a_compressed_text_with_a_wrong_checksum_is_left_out() -> None:
    packed = bytearray(gzip.compress(b"{}"))
    packed[-8] ^= 1

    assert "CRC check failed" in str(opened("a.json.gz", bytes(packed))["a.json.gz"])


def test_a_damaged_file_in_an_archive_costs_itself_alone() -> None:
    packed = tar({"a.json.gz": b"\x1f\x8bdamaged file", "b.json": b"{}"})

    assert opened("a.tar", packed) == {"a.tar/a.json.gz": "Unknown compression method", "a.tar/b.json": b"{}"}


def zeros(size: int) -> bytes:
    """A thousandth of so many zeros, as gzip packs them."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(size // MIB)), packer.flush()])


def in_archive(bomb: bytes) -> bytes:
    return tar({"a.log": b"", "bomb.json.gz": bomb})


@pytest.mark.parametrize("pack", [bytes, in_archive, gzip.compress])
def test_a_bomb_ends_at_the_budget(pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UsageError, match=r"^bomb.gz unpacks to more than 64 MiB: unpack it, and name the folder$"):
        opened("bomb.gz", pack(zeros(80 * MIB)))


def test_what_is_passed_over_counts_as_unpacked() -> None:
    with pytest.raises(UsageError, match="unpacks to more than 64 MiB"):
        opened("bomb.tgz", gzip.compress(tar({"a.log": bytes(80 * MIB)})))


def test_a_name_that_is_as_long_as_a_file_is_not_held() -> None:
    packed = io.BytesIO()
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    packed.write(long_name.tobuf(tarfile.GNU_FORMAT))

    assert opened("a.tar", packed.getvalue() + b"n" * 4096) == {"a.tar": "it ends within a file"}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        *(
            (f"pods.{suffix}", True)
            for suffix in ("json", "yaml", "yml", "json.gz", "yaml.gz", "tar", "tar.gz", "tgz", "txt")
        ),
        *((name, True) for name in ("PODS.JSON", "a/b/c.yml")),
        *(
            (name, False)
            for name in ("pods", "pods.log", "pods.json.bak", "json", "pods.html", "pods.gz", "a.json/b")
        ),
        ("cluster-resources/pods-errors.json", False),
    ],
)
def test_files_of_a_folder_are_chosen_by_name(name: str, wanted: bool) -> None:
    assert is_wanted(name) == wanted


PACKS: st.SearchStrategy[Callable[[bytes], bytes]] = st.sampled_from([bytes, gzip.compress])


@given(st.binary(max_size=2000), PACKS, st.sampled_from(["a.json", "a.tar", "a.tgz"]))
def test_nothing_is_raised_whatever_the_content(content: bytes, pack: Callable[[bytes], bytes], name: str) -> None:
    opened(name, pack(content))


@given(st.data())
def test_nothing_is_raised_whatever_is_changed_in_an_archive(data: st.DataObject) -> None:
    pack = data.draw(PACKS)
    packed = bytearray(pack(tar({"a.json": b"{}", "b/c.yaml.gz": gzip.compress(b"a: 1")})))
    for _ in range(data.draw(st.integers(1, 5))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))

    opened("a.tar.gz", bytes(packed[: data.draw(st.integers(0, len(packed)))]))
