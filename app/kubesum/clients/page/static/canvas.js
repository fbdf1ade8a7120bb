// A canvas that is as wide as its parent, sharp on any screen, with a tooltip and a pointer for what is drawn.

import { html } from "htm/preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { changed } from "./live.js";
import { open } from "./address.js";
import { ItemLink } from "./itemlink.js";
import { Painting } from "./painting.js";

const NAMES = [
  "panel", "text", "faint", "line", "free", "requested", "used", "over", "limit", "good", "warning", "bad", "idle", "neutral", "low", "high",
];
let cached = null;

// The colours of the current theme, by the names of their custom properties.
export function colours() {
  if (!cached) {
    const style = getComputedStyle(document.documentElement);
    cached = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }
  return cached;
}

export function forgetColours() {
  cached = null;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  forgetColours();
  changed();
});

// The width of an element in CSS pixels, 0 before it is laid out.
export function useWidth(ref) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    setWidth(ref.current.clientWidth);
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

// Paints the items of a picture (see Painting). `at(x, y)` is the item there, `target(item)` what opens from it, and
// `name(item)` what is read out of it; `tip(item)` is what is shown beside it.
export function Canvas({ width, height, label, picture, at, tip, target, name }) {
  const ref = useRef(null);
  const painting = useMemo(() => new Painting(), []);
  const [hover, setHover] = useState(null);

  useEffect(() => {
    const canvas = ref.current;
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      painting.forget();
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    painting.update(context, picture, colours(), hover?.key);
  });

  const move = (event) => {
    const box = ref.current.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const item = at(x, y);
    setHover(item ? { key: item.key, item, x, y } : null);
  };
  const press = (event) => {
    const box = ref.current.getBoundingClientRect();
    const item = at(event.clientX - box.left, event.clientY - box.top);
    if (item) open(target(item));
  };
  const focus = (item) => setHover(item && { key: item.key, item, x: item.x + item.width / 2, y: item.y + item.height });
  const links = useMemo(() => picture.items.filter(target), [picture.items]);
  const side = hover && hover.x > width / 2 ? { right: `${width - hover.x + 14}px` } : { left: `${(hover?.x ?? 0) + 14}px` };
  return html`<div class="canvas">
    <canvas ref=${ref} role="img" aria-label=${label} class=${hover ? "pointing" : ""}
      onPointerMove=${move} onPointerLeave=${() => setHover(null)} onClick=${press}></canvas>
    <${ItemLink} items=${links} target=${target} name=${name} onFocus=${focus} />
    ${hover && html`<div class="tip" style=${{ top: `${hover.y + 12}px`, ...side }} aria-hidden="true">${tip(hover.item)}</div>`}
  </div>`;
}

// A bar of a gauge: requested as a wide band, used as a narrower one on it, a tick at the limit. Length 100% is `size`.
export function paintGauge(context, gauge, x, y, size, thickness, vertical = false) {
  const colour = colours();
  const rect = (from, to, inset, fill) => {
    const [start, end] = [Math.min(1, from / 100) * size, Math.min(1, to / 100) * size];
    if (end <= start) return;
    context.fillStyle = fill;
    if (vertical) context.fillRect(x + inset, y + size - end, thickness - 2 * inset, end - start);
    else context.fillRect(x + start, y + inset, end - start, thickness - 2 * inset);
  };
  const inset = thickness > 6 ? Math.round(thickness / 4) : thickness > 3 ? 1 : 0;
  rect(0, 100, 0, colour.free);
  rect(0, gauge.requested ?? 0, 0, colour.requested);
  rect(0, Math.min(gauge.used ?? 0, gauge.requested ?? 0), inset, colour.used);
  rect(gauge.requested ?? 0, gauge.used ?? 0, inset, colour.over);
  if (gauge.limited !== null && size >= 40 && !vertical) {
    context.fillStyle = colour.limit;
    context.fillRect(x + Math.min(1, gauge.limited / 100) * size - 1, y - 1, 2, thickness + 2);
  }
}

// `text` as far as it fits into `room` pixels.
export function fitted(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let end = Math.max(0, Math.floor((text.length * room) / Math.max(1, context.measureText(text).width)) - 1);
  while (end > 0 && context.measureText(`${text.slice(0, end)}…`).width > room) end -= 1;
  return end > 1 ? `${text.slice(0, end)}…` : "";
}
