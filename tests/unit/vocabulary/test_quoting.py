"""Text quoted as Go's strconv.Quote quotes it."""

import pytest

from kubesum.vocabulary.quoting import quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '""'),
        ("aü☺", '"aü☺"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\0\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("\x80\xa0\u200b\ufeff", r'"\u0080\u00a0\u200b\ufeff"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_texts_are_quoted_as_go_does(text: str, expected: str) -> None:
    assert quoted(text) == expected
