// Rows in the order of a column, kept in it while some of them are replaced: sorting tens of thousands takes longer
// than a frame has, and of those that are shown few change in a second.

export class Ordering {
  keyed = [];
  newest = 0;

  // Rows that contain the text, by the column, up or down.
  constructor(columns, text, column, up) {
    this.columns = columns;
    this.words = text.toLowerCase();
    this.column = column;
    this.sign = up ? 1 : -1;
  }

  // The rows of a collection in order, equal ones by their keys.
  arranged(rows) {
    const stayed = this.keyed.filter(({ row }) => !row.gone);
    const added = rows.filter((row) => row.serial > this.newest);
    for (const { serial } of added) this.newest = Math.max(this.newest, serial);
    const keyed = added.filter((row) => this.matches(row)).map((row) => ({ size: this.column.sort(row), row }));
    this.keyed = this.merged(stayed, keyed.sort((one, other) => this.compare(one, other)));
    return this.keyed.map(({ row }) => row);
  }

  matches(row) {
    return !this.words || this.columns.some((column) => column.search?.(row).toLowerCase().includes(this.words));
  }

  compare(one, other) {
    if (one.size < other.size) return -this.sign;
    if (one.size > other.size) return this.sign;
    return one.row.key < other.row.key ? -1 : 1;
  }

  merged(stayed, added) {
    if (!stayed.length || !added.length) return stayed.length ? stayed : added;
    const all = [];
    let next = 0;
    for (const one of stayed) {
      while (next < added.length && this.compare(added[next], one) < 0) all.push(added[next++]);
      all.push(one);
    }
    while (next < added.length) all.push(added[next++]);
    return all;
  }
}
