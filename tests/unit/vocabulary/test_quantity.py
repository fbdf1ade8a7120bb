"""Quantities: grammar, rounding and canonical form of k8s.io/apimachinery's resource.Quantity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.vocabulary.errors import QuantityError
from kubesum.vocabulary.quantity import (
    ResourceList,
    amount,
    canonical,
    nanos,
    percent,
    rounded,
    uncached_nanos,
    whole,
)

NAMES = st.sampled_from(["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "pods", "nvidia.com/gpu"])


@pytest.mark.parametrize(
    ("quantity", "millicores"),
    [
        ("0", 0),
        ("1", 1000),
        ("100m", 100),
        ("0.1", 100),
        (".5", 500),
        ("5.", 5000),
        ("+2", 2000),
        ("1e3", 1_000_000),
        ("1E-1", 100),
        ("1.5e+1", 15_000),
        ("1k", 1_000_000),
        ("1u", 1),
        ("1n", 1),
        ("1000001n", 2),
        ("100000u", 100),
        (2, 2000),
        (0.25, 250),
        (1e-07, 1),
        ("1e-999", 1),
        ("0e-999", 0),
        ("-1", -1000),
        ("-0.1m", -1),
        ("-1n", -1),
        ("100E", 10**23),
    ],
)
def test_cpu_is_in_millicores_rounded_up(quantity: str | int | float, millicores: int) -> None:
    assert amount("cpu", quantity) == millicores


@pytest.mark.parametrize(
    ("quantity", "units"),
    [
        ("128974848", 128_974_848),
        ("129e6", 129_000_000),
        ("129M", 129_000_000),
        ("128974848000m", 128_974_848),
        ("123Mi", 128_974_848),
        ("1.5Gi", 1_610_612_736),
        ("0.0001Ki", 1),
        ("1Ei", 1 << 60),
        ("7E", 7 * 10**18),
        ("1P", 10**15),
        ("2Ti", 2 << 40),
        ("3Pi", 3 << 50),
        ("4T", 4 * 10**12),
        ("1m", 1),
        ("-1", -1),
        ("-0.5", -1),
    ],
)
def test_other_resources_are_in_whole_units_rounded_up(quantity: str, units: int) -> None:
    assert amount("memory", quantity) == units


@pytest.mark.parametrize(
    ("quantity", "units", "text"),
    [
        ("9223372036854775807", (1 << 63) - 1, "9223372036854775807"),
        ("9223372036854775808", 1 << 63, "9223372036854775808"),
        ("10E", 10**19, "10E"),
        ("100E", 10**20, "100E"),
        ("9.3E", 93 * 10**17, "9300P"),
        ("-100E", -(10**20), "-100E"),
        ("12345678901234567890123", 12345678901234567890123, "12345678901234567890123"),
        (12345678901234567890123, 12345678901234567890123, "12345678901234567890123"),
        ("1" + "0" * 26, 10**26, "100000000E"),
        pytest.param("1." + "0" * 100_000, 1, "1", id="very many decimal places"),
        pytest.param("1." + "0" * 100_000 + "1", 2, "2", id="very many decimal places, the last of which counts"),
        pytest.param("0" * 100_000 + "1", 1, "1", id="very many zeros"),
    ],
)
def test_amounts_beyond_63_bits_are_exact(quantity: str | int, units: int, text: str) -> None:
    assert amount("memory", quantity) == units
    assert canonical("memory", units) == text


@pytest.mark.parametrize("quantity", ["8Ei", "16Ei", "100Ei", "8192Pi"])
def test_more_than_63_bits_in_a_binary_suffix_are_cut_as_in_go(quantity: str) -> None:
    assert amount("memory", quantity) == (1 << 63) - 1
    assert amount("memory", f"-{quantity}") == -((1 << 63) - 1)
    assert amount("memory", "8191Pi") == 8191 << 50


@pytest.mark.parametrize(
    "quantity", ["1e28", "1e30", "1e999", "1e999999999", "1e-9" + "1" * 8, pytest.param("9" * 100_000, id="long")]
)
def test_what_no_cluster_has_counts_as_a_billion_billion_billion(quantity: str) -> None:
    tiny = quantity.startswith("1e-")

    assert amount("memory", quantity) == (1 if tiny else 10**27)
    assert amount("memory", f"-{quantity}") == (-1 if tiny else -(10**27))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ".",
            "+",
            "m",
            "Ki",
            "--1",
            "-",
            "1K",
            "1ki",
            "1MiB",
            "1 Gi",
            "1e",
            "1e1.5",
            "0x10",
            "1\n",
            "१",
            "NaN",
            "inf",
        ),
        "1Y",
        "1e1234567890",
        pytest.param("9" * 100_000 + "x", id="very many digits"),
    ],
)
def test_invalid_text_is_an_error(text: str) -> None:
    with pytest.raises(QuantityError):
        amount("memory", text)


@pytest.mark.parametrize("suffix", ["n", "u", "m", "Ki", "Mi"])
@pytest.mark.parametrize("digits", ["0", "7", "007", "123456789012", "1234567890123", "9" * 30])
def test_the_suffixes_of_measurements_read_as_in_any_other_quantity(digits: str, suffix: str) -> None:
    """With a fraction they are read by the grammar alone."""
    assert uncached_nanos(digits + suffix) == uncached_nanos(f"{digits}.0{suffix}")


@pytest.mark.parametrize("text", ["\u0661n", "n", "Ki", "i", "1i", "1 n", "+-1m"])
def test_what_only_looks_like_a_measurement_is_an_error(text: str) -> None:
    with pytest.raises(QuantityError):
        uncached_nanos(text)


def test_sums_are_exact_until_they_are_rounded() -> None:
    assert whole("cpu", nanos("0.5m") + nanos("0.5m")) == 1
    assert whole("memory", nanos("500m") + nanos("0.5")) == 1


def test_an_amount_below_a_nano_unit_is_rounded_up_to_one() -> None:
    assert nanos("0.1n") == 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("cpu", 0, "0"),
        ("cpu", 2540, "2540m"),
        ("cpu", 35_000, "35"),
        ("cpu", 1_000_000, "1k"),
        ("cpu", -250, "-250m"),
        ("cpu", -2000, "-2"),
        ("memory", 0, "0"),
        ("memory", 1216 << 20, "1216Mi"),
        ("memory", 1000, "1k"),
        ("memory", 1023, "1023"),
        ("memory", 1024, "1Ki"),
        ("memory", 1500, "1500"),
        ("memory", -(2 << 30), "-2Gi"),
        ("memory", -1000, "-1k"),
        ("memory", 7 << 60, "7Ei"),
        ("memory", 1 << 70, "1180591620717411303424"),
        ("hugepages-2Mi", 4 << 20, "4Mi"),
        ("ephemeral-storage", 10**9, "1000000000"),
        ("pods", 110, "110"),
        ("nvidia.com/gpu", 8, "8"),
        ("nvidia.com/gpu", 8000, "8k"),
        ("example.com/bytes", 2048, "2048"),
    ],
)
def test_amounts_are_written_as_kubernetes_writes_them(name: str, value: int, text: str) -> None:
    assert canonical(name, value) == text


@given(NAMES, st.one_of(st.integers(-(10**18), 10**18), st.integers(-(10**24), 10**24)))
def test_reading_what_was_written_gives_the_same_amount(name: str, value: int) -> None:
    assert amount(name, canonical(name, value)) == value


@given(st.integers(0, 10**9), st.integers(0, 12), st.sampled_from(["", "n", "u", "m", "k", "Mi", "Gi", "e3", "E-4"]))
def test_an_amount_is_never_rounded_down(digits: int, places: int, suffix: str) -> None:
    scale = {"": 1, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "Mi": 2**20, "Gi": 2**30, "e3": 1e3, "E-4": 1e-4}
    text = f"{digits:0{places + 1}d}"
    text = f"{text[: len(text) - places]}.{text[len(text) - places :]}{suffix}"
    exact = digits / 10**places * scale[suffix] * 1e9

    assert exact * (1 - 1e-9) <= nanos(text) <= exact * (1 + 1e-9) + 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("memory", 1840 << 20, "1840Mi"),
        ("memory", 148 << 30, "148Gi"),
        ("memory", 52 << 30, "52Gi"),
        ("memory", (52 << 30) + 1, "53248Mi"),
        ("memory", 5 << 40, "5Ti"),
        ("memory", (5 << 40) - 1, "5119Gi"),
        ("memory", 100_000, "100000"),
        ("memory", 102_401, "100Ki"),
        ("memory", 0, "0"),
        ("memory", -(148 << 30), "-148Gi"),
        ("cpu", 28_500, "28500m"),
        ("nvidia.com/gpu", 8, "8"),
    ],
)
def test_cells_keep_three_digits_of_bytes(name: str, value: int, text: str) -> None:
    assert rounded(name, value) == text


@pytest.mark.parametrize(
    ("part", "of", "share"), [(0, 10, 0), (1, 3, 33), (2, 3, 66), (3, 2, 150), (5, 0, None), (0, 0, None)]
)
def test_percents_are_cut_and_absent_without_a_whole(part: int, of: int, share: int | None) -> None:
    assert percent(part, of) == share


def test_percents_fit_into_the_32_bits_that_clients_read() -> None:
    assert percent(10**22, 4000) == 2_147_483_647
    assert percent(-(10**22), 4000) == -2_147_483_648


def test_a_resource_list_is_sorted_by_name_and_equal_by_value() -> None:
    first = ResourceList.parse({"memory": "1Gi", "cpu": "0.5"})
    second = ResourceList({"cpu": 500, "memory": 1 << 30})

    assert first == second
    assert hash(first) == hash(second)
    assert list(first) == ["cpu", "memory"]
    assert first.quantities() == {"cpu": "500m", "memory": "1Gi"}
    assert first != ResourceList({"cpu": 500})


def test_a_resource_list_has_the_names_that_were_given() -> None:
    found = ResourceList({"b": 1, "d": 2})

    assert [found.get(name) for name in "abcde"] == [None, 1, None, 2, None]
    assert ["b" in found, "c" in found, "e" in found] == [True, False, False]
