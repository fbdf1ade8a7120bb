"""The order of a table's rows while some of them are replaced, run in the page: the same as sorting all of them."""

from typing import Any

import pytest

from tests.page.browser import Opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUNDS = """
async ([up, text]) => {
  const { Ordering } = await import("/static/ordering.js");
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const columns = [
    { name: "NAME", sort: (row) => row.key, search: (row) => row.key },
    { name: "PODS", sort: (row) => row.pods },
  ];
  const ordering = new Ordering(columns, text, columns[1], up);
  const rows = new Map();
  let serial = 0;
  const remove = (key) => {
    if (rows.has(key)) rows.get(key).gone = true;
    rows.delete(key);
  };
  const wrong = [];
  for (let round = 0; round < 300; round += 1) {
    for (let change = random(8); change > 0; change -= 1) {
      const key = `row-${random(60)}`;
      const old = rows.get(key);
      if (random(4) === 0) remove(key);
      else {
        if (old) old.gone = true;
        rows.set(key, { key, pods: random(9), serial: (serial += 1), gone: false });
      }
    }
    const found = ordering.arranged([...rows.values()]).map(({ key }) => key).join();
    const expected = [...rows.values()].filter(({ key }) => key.includes(text.toLowerCase()));
    const sign = up ? 1 : -1;
    expected.sort((one, other) => sign * (one.pods - other.pods) || (one.key < other.key ? -1 : 1));
    if (found !== expected.map(({ key }) => key).join()) wrong.push(round);
  }
  return { wrong, rows: rows.size };
}
"""


@pytest.mark.parametrize(("up", "text"), [(True, ""), (False, "ROW-1")])
async def test_rows_that_are_replaced_get_the_places_that_sorting_gives_them(
    page: Opened, up: bool, text: str
) -> None:
    found: dict[str, Any] = await page.page.evaluate(ROUNDS, [up, text])

    assert found["wrong"] == []
    assert found["rows"] > 20
