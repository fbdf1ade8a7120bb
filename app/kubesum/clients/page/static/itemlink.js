// The way through a picture by keyboard: a link over one of its items, and arrow keys to the others.

import { html } from "htm/preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { href } from "./address.js";

// An item that lies aside is as far as one that is so many times the way ahead.
const ASIDE = 3;

const middle = ({ x, width }) => x + width / 2;

// The nearest of the items that are wholly above (-1) or below (1); undefined without any.
function nearest(items, item, sign) {
  const ahead = (one) => (sign > 0 ? one.y - item.y - item.height : item.y - one.y - one.height);
  const distance = (one) => {
    const aside = Math.max(0, one.x - item.x - item.width, item.x - one.x - one.width);
    return ahead(one) + ASIDE * aside + Math.abs(middle(one) - middle(item)) / 100;
  };
  let best;
  for (const one of items) if (one !== item && ahead(one) > -1 && !(best && distance(best) <= distance(one))) best = one;
  return best;
}

// Left and right go through all items in their order, as in a text.
const MOVES = {
  ArrowLeft: (items, item) => items[items.indexOf(item) - 1],
  ArrowRight: (items, item) => items[items.indexOf(item) + 1],
  ArrowUp: (items, item) => nearest(items, item, -1),
  ArrowDown: (items, item) => nearest(items, item, 1),
  Home: (items) => items[0],
  End: (items) => items.at(-1),
};

// `name(item)` is read out; `onFocus(item)` is called when the link gets to an item, with null when it loses the focus.
// Each item has a link of its own, since screen readers read a link out when it gets the focus, not when it changes.
export function ItemLink({ items, target, name, onFocus }) {
  const ref = useRef(null);
  const [key, setKey] = useState(null);
  const item = items.find((one) => one.key === key) ?? items[0];
  // The link that is about to be replaced, because another item was chosen or this one is gone.
  const hadFocus = ref.current !== null && document.activeElement === ref.current;

  useLayoutEffect(() => {
    if (hadFocus && document.activeElement !== ref.current) ref.current?.focus();
  });

  if (!item) return null;
  const press = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in MOVES)) return;
    // The page itself moves through its table with these keys.
    event.preventDefault();
    event.stopPropagation();
    const next = MOVES[event.key](items, item);
    if (next) setKey(next.key);
  };
  const focus = () => {
    setKey(item.key);
    onFocus(item);
  };
  const box = { left: `${item.x}px`, top: `${item.y}px`, width: `${Math.max(2, item.width)}px`, height: `${Math.max(2, item.height)}px` };
  return html`<a key=${item.key} ref=${ref} class="item" href=${href(target(item))} aria-label=${name(item)} style=${box}
    onKeyDown=${press} onFocus=${focus} onBlur=${() => onFocus(null)}></a>`;
}
