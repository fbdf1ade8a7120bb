// The first rows of an order, without sorting thousands of them several times a second.

// The `count` rows of the largest measure, largest first; equal ones stay in their order.
export function largest(rows, count, measure) {
  const kept = [];
  for (const row of rows) {
    const size = measure(row);
    if (kept.length === count && size <= kept[count - 1].size) continue;
    let place = kept.length;
    while (place > 0 && kept[place - 1].size < size) place -= 1;
    kept.splice(place, 0, { row, size });
    if (kept.length > count) kept.pop();
  }
  return kept.map(({ row }) => row);
}
