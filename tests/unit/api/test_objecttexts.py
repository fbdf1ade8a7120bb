"""Single objects, encoded once: they equal what their row is encoded to from scratch."""

import pytest

from kubesum.api.lists.listing import encode_object
from kubesum.api.lists.objecttexts import ObjectTexts
from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Include
from kubesum.rollups.rows import Row, served
from tests.unit.web.fakeresources import BOXES, NOW, SHELVES, BoxStatus, Thing

FORMS = (
    Representation(Form.OBJECT),
    Representation(Form.METADATA, "meta.k8s.io/v1"),
    Representation(Form.METADATA, "meta.k8s.io/v1beta1"),
    Representation(Form.TABLE, "meta.k8s.io/v1"),
)
ROWS = (
    (SHELVES, Row(("", "oak"), 5, Thing("oak"), None)),
    (BOXES, Row(("team", "oak"), 5, Thing("oak", "team"), BoxStatus(1))),
    (BOXES, Row(("team", "oak"), 7, Thing("oak", "team"), BoxStatus(2))),
    (BOXES, Row(("team", "elm"), 8, Thing("elm", "team"), BoxStatus(2))),
)


@pytest.mark.parametrize("capacity_bytes", [1, 2_000, 1_000_000])
def test_each_text_is_what_its_row_is_encoded_to(capacity_bytes: int) -> None:
    clock = [NOW]
    texts = ObjectTexts(lambda: clock[0], capacity_bytes)

    # Twice, so that the second ones come from the cache; a floor raises the version that both boxes are served with.
    for floor in (0, 9, 0, 9):
        for clock[0] in (NOW, NOW + 3600):
            for resource, row in ROWS:
                for form in FORMS:
                    text = texts.text(resource, row, floor, form, Include.METADATA)
                    assert text == encode_object(resource, served(row, floor), form, Include.METADATA, clock[0])


def test_an_object_is_encoded_once_for_all_who_get_it() -> None:
    texts, (resource, row), form = ObjectTexts(lambda: NOW), ROWS[0], FORMS[0]

    first = texts.text(resource, row, 0, form, Include.METADATA)

    assert texts.text(resource, row, 0, form, Include.METADATA) is first
