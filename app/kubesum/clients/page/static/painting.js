// What is on a canvas: an item is painted again when it was replaced or selected, all of them when one has moved.

export class Painting {
  frame = null;
  theme = null;
  items = [];
  stamps = [];
  selected = undefined;

  // Paints everything the next time: the canvas was cleared.
  forget() {
    this.frame = null;
  }

  // Items have `key`, `x`, `y`, `width`, `height`, and `stamp`, which another one replaces when the item looks different.
  // `frame` and `theme` are what else their looks depend on; `margin` pixels around a selected item belong to it.
  update(context, { items, frame, paint, margin }, theme, selected) {
    const moved = this.hasMoved(items, frame, theme);
    if (moved) context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    let chosen = null;
    items.forEach((item, place) => {
      const isSelected = item.key === selected;
      if (isSelected) chosen = item;
      if (!moved && item.stamp === this.stamps[place] && isSelected === (item.key === this.selected)) return;
      if (!moved) clear(context, item, margin);
      this.stamps[place] = item.stamp;
      if (!isSelected) paint(context, item, false);
    });
    // Last: a neighbour that is painted again may have cleared a part of its margin.
    if (chosen) {
      clear(context, chosen, margin);
      paint(context, chosen, true);
    }
    [this.items, this.frame, this.theme, this.selected] = [items, frame, theme, selected];
    this.stamps.length = items.length;
  }

  hasMoved(items, frame, theme) {
    if (frame !== this.frame || theme !== this.theme || items.length !== this.items.length) return true;
    return items !== this.items && items.some((item, place) => !sameBox(item, this.items[place]));
  }
}

function sameBox(one, other) {
  return one.key === other.key && one.x === other.x && one.y === other.y && one.width === other.width && one.height === other.height;
}

function clear(context, { x, y, width, height }, margin) {
  context.clearRect(x - margin, y - margin, width + 2 * margin, height + 2 * margin);
}
