// Namespaces and their workloads as a treemap: areas are requests, colours are usage or health.

import { hierarchy, treemap } from "d3-hierarchy";
import { html } from "htm/preact";
import { useMemo, useRef } from "preact/hooks";

import { to } from "./address.js";
import { Canvas, colours, fitted, useWidth } from "./canvas.js";
import { bytes, cores, percent } from "./quantities.js";

const MOST_CELLS = 1200;
const LAYOUT_EVERY_MS = 2000;
const HEADER = 19;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";

// Namespaces with their largest cells; what is left out of one is one cell more.
function tree(rows, resource) {
  const namespaces = new Map();
  const sized = rows.filter((row) => (row.requests?.[resource] ?? 0) > 0);
  sized.sort((one, other) => other.requests[resource] - one.requests[resource]);
  sized.forEach((row, place) => {
    let group = namespaces.get(row.namespace);
    if (!group) namespaces.set(row.namespace, (group = { name: row.namespace, children: [], rest: 0, left: 0 }));
    if (place < MOST_CELLS) group.children.push({ row, value: row.requests[resource] });
    else [group.rest, group.left] = [group.rest + row.requests[resource], group.left + 1];
  });
  for (const group of namespaces.values()) {
    if (group.left) group.children.push({ row: null, value: group.rest, left: group.left, namespace: group.name });
  }
  return { name: "", children: [...namespaces.values()] };
}

// Each namespace before its workloads, which are cells in the same order.
function inOrder(groups, cells) {
  if (!groups.length) return cells;
  const within = new Map(groups.map((group) => [group.data.name, [group]]));
  for (const cell of cells) within.get(cell.data.row?.namespace ?? cell.data.namespace).push(cell);
  return [...within.values()].flat();
}

function layout(rows, resource, width, height, flat) {
  const root = hierarchy(tree(rows, resource))
    .sum((one) => one.value ?? 0)
    .sort((one, other) => other.value - one.value);
  treemap().size([width, height]).paddingInner(1.5).paddingTop((one) => (one.depth === 1 && !flat ? HEADER : 0)).round(true)(root);
  const box = ({ x0, y0, x1, y1 }) => ({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 });
  const groups = (flat ? [] : (root.children ?? [])).map((one) => {
    const { data, value } = one;
    return { key: data.name, stamp: value, data, value, ...box(one), height: Math.min(HEADER, one.y1 - one.y0) };
  });
  const cells = root.leaves().filter(({ data }) => data.row || data.left).map((one) => {
    const { data, value } = one;
    return { key: data.row?.key ?? `${data.namespace}/`, stamp: data.row ?? value, data, value, ...box(one) };
  });
  return { groups, cells, items: inOrder(groups, cells) };
}

// From `low` to `high` as usage goes from 0 to 100% of requests; the colours are read as #rrggbb.
function mixed(low, high, part) {
  const channel = (colour, place) => parseInt(colour.slice(place, place + 2), 16);
  const mix = (place) => Math.round(channel(low, place) + (channel(high, place) - channel(low, place)) * part);
  return [mix(1), mix(3), mix(5)];
}

function tone(row, views) {
  if (row.health !== undefined) return views.healthTones[row.health] ?? "idle";
  if (row.healthy) return row.phase === "Running" ? "good" : "idle";
  return views.transientReasons.includes(row.reasonClass) ? "warning" : "bad";
}

function fill(row, resource, by, views) {
  const colour = colours();
  if (!row) return hex(colour.neutral);
  if (by === "health") {
    const toned = tone(row, views);
    return hex(toned === "good" ? colour.neutral : colour[toned]);
  }
  const share = row.usedShare[resource];
  if (share === undefined) return hex(colour.neutral);
  return share > 100 ? hex(colour.over) : mixed(colour.low, colour.high, share / 100);
}

function hex(text) {
  return [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));
}

function ink([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#10202c" : "#f2f6fa";
}

function paintCell(context, { data, x, y, width, height }, shown, selected) {
  const { resource, by, views, format } = shown;
  if (width < 1 || height < 1) return;
  const colour = fill(data.row, resource, by, views);
  context.fillStyle = `rgb(${colour.join()})`;
  context.fillRect(x, y, width, height);
  const toned = data.row ? tone(data.row, views) : "good";
  const edge = selected ? colours().text : by !== "health" && (toned === "bad" || toned === "warning") ? colours()[toned] : "";
  if (edge && width > 3 && height > 3) {
    context.strokeStyle = edge;
    context.lineWidth = 2;
    context.strokeRect(x + 1, y + 1, width - 2, height - 2);
  }
  if (width < 34 || height < 17) return;
  context.fillStyle = ink(colour);
  context.font = `11.5px ${FONT}`;
  const mark = toned === "bad" ? "✗ " : toned === "warning" ? "▲ " : "";
  const name = data.row ? (data.row.owner && data.row.health !== undefined ? data.row.owner : data.row.name) : `${data.left} more`;
  context.fillText(fitted(context, mark + name, width - 10), x + 5, y + 14);
  if (height < 32 || width < 44) return;
  context.globalAlpha = 0.75;
  context.font = `10.5px ${FONT}`;
  const share = data.row?.usedShare[resource];
  context.fillText(fitted(context, `${format(data.value)}${share === undefined ? "" : ` · ${share}%`}`, width - 10), x + 5, y + 27);
  context.globalAlpha = 1;
}

function paintGroup(context, { data, value, x, y, width, height }, format, selected) {
  const colour = colours();
  if (width < 26 || height < HEADER) return;
  context.fillStyle = selected ? colour.used : colour.text;
  context.font = `600 11.5px ${FONT}`;
  const name = fitted(context, data.name, width - 6);
  context.fillText(name, x + 2, y + 13);
  const end = x + 2 + context.measureText(name).width + 6;
  context.font = `11px ${FONT}`;
  context.fillStyle = colour.faint;
  const total = format(value);
  if (end + context.measureText(total).width < x + width) context.fillText(total, end, y + 13);
}

function tip(item, shown) {
  const { resource, format } = shown;
  const { data, value } = item;
  if (!data.row) return html`<strong>${data.name || `${data.left} more workloads`}</strong><div>${format(value)} ${resource} requested</div>`;
  const { row } = data;
  return html`<strong>${row.namespace}/${row.owner && row.health !== undefined ? row.owner : row.name}</strong>
    <div>${row.kind} ${row.health ?? row.reason} ${row.problem ?? ""}</div>
    <div class="faint">${format(value)} ${resource} requested, ${percent(row.usedShare[resource])} of it used</div>`;
}

// A pod opens its workload.
function target({ data }) {
  const { row } = data;
  return row ? to.workload(row.namespace, row.kind, row.owner) : to.namespace(data.name || data.namespace);
}

function nameOf({ data, value }, { resource, format }) {
  const { row } = data;
  const requested = `${format(value)} ${resource} requested`;
  if (!row) return `${data.children ? "namespace " : `${data.left} more workloads of `}${data.name || data.namespace}, ${requested}`;
  const used = row.usedShare[resource] === undefined ? "" : `, ${row.usedShare[resource]}% of it used`;
  const what = row.health === undefined ? [row.name, row.reason] : [`${row.kind} ${row.namespace}/${row.owner}`, row.health, row.problem];
  return `${what.filter(Boolean).join(", ")}, ${requested}${used}`;
}

export function Treemap({ rows, version, resource, by, views, height, flat = false }) {
  const ref = useRef(null);
  const width = useWidth(ref);
  const kept = useRef({ at: 0 });
  const shown = { resource, by, views, format: resource === "cpu" ? cores : bytes };

  // Areas follow requests, which change seldom: a layout is kept for two seconds, and only its cells get new rows.
  const placed = useMemo(() => {
    if (!width) return null;
    const id = [resource, width, height, flat, rows.length].join();
    const now = performance.now();
    if (kept.current.id !== id || now - kept.current.at > LAYOUT_EVERY_MS) {
      kept.current = { id, at: now, ...layout(rows, resource, width, height, flat) };
    } else {
      const byKey = new Map(rows.map((row) => [row.key, row]));
      for (const cell of kept.current.cells) if (cell.data.row) cell.stamp = cell.data.row = byKey.get(cell.key) ?? cell.data.row;
    }
    return kept.current;
  }, [rows, version, resource, width, height, flat]);

  const within = (one, x, y) => x >= one.x && x < one.x + one.width && y >= one.y && y < one.y + one.height;
  const at = (x, y) => placed.cells.find((cell) => within(cell, x, y)) ?? placed.groups.find((group) => within(group, x, y));
  const picture = placed && {
    items: placed.items,
    frame: `${resource} ${by} ${flat}`,
    margin: 0,
    paint: (context, item, selected) => (item.data.children ? paintGroup(context, item, shown.format, selected) : paintCell(context, item, shown, selected)),
  };
  const what = flat ? "pods" : `workloads in ${placed?.groups.length ?? 0} namespaces`;
  return html`<div class="picture" ref=${ref}>
    ${placed && html`<${Canvas} width=${width} height=${height} picture=${picture} at=${at} tip=${(item) => tip(item, shown)}
      target=${target} name=${(item) => nameOf(item, shown)}
      label=${`${rows.length} ${what}, as areas by requested ${resource}, coloured by ${by}. The table has the numbers.`} />`}
  </div>`;
}
