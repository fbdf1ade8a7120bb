"""Quantities as integers and back, as k8s.io/apimachinery/pkg/api/resource/quantity.go reads and writes them."""

import pytest

from kubesim.quantities import amount, canonical, canonical_list, nanocores, nanos


@pytest.mark.parametrize(
    ("name", "quantity", "expected"),
    [
        ("cpu", "0", 0),
        ("cpu", "2", 2000),
        ("cpu", "250m", 250),
        ("cpu", "0.1", 100),
        ("cpu", "1500u", 2),
        ("cpu", "1n", 1),
        ("memory", "1Gi", 1 << 30),
        ("memory", "1.5Ki", 1536),
        ("memory", "128974848", 128974848),
        ("memory", "129e6", 129_000_000),
        ("memory", "129M", 129_000_000),
        ("memory", "100m", 1),
        ("pods", "110", 110),
        ("ephemeral-storage", "8Ei", 1 << 63),
    ],
)
def test_amounts_are_millicores_of_cpu_and_whole_units_of_all_else_rounded_up(
    name: str, quantity: str, expected: int
) -> None:
    assert amount(name, quantity) == expected


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1Ri", "ten", "1e", "0x10", "."])
def test_other_texts_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        amount("memory", text)


def test_nanos_are_exact_for_measurements() -> None:
    assert nanos("12345678n") == 12_345_678
    assert nanos("23456Ki") == 23456 * 1024 * 10**9


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("cpu", 0, "0"),
        ("cpu", 2540, "2540m"),
        ("cpu", 35_000, "35"),
        ("memory", 1216 << 20, "1216Mi"),
        ("memory", 1000, "1k"),
        ("hugepages-2Mi", 512 << 20, "512Mi"),
        ("pods", 110, "110"),
        ("nvidia.com/gpu", 3000, "3k"),
    ],
)
def test_amounts_are_written_in_canonical_form(name: str, value: int, expected: str) -> None:
    assert canonical(name, value) == expected


def test_a_resource_list_is_in_order_of_names() -> None:
    assert list(canonical_list({"pods": 110, "cpu": 500}).items()) == [("cpu", "500m"), ("pods", "110")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (7, "7n"), (1_250_000, "1250u"), (250_000_000, "250m"), (2_000_000_000, "2"), (10**12, "1000")],
)
def test_nanocores_are_written_as_go_writes_them(value: int, text: str) -> None:
    assert nanocores(value) == text
