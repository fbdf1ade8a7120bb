// Nodes as a grid of bars, in groups: cards with names while there is room, then pairs of bars, then columns.

import { html } from "htm/preact";
import { useMemo, useRef } from "preact/hooks";

import { to } from "./address.js";
import { sentence } from "./bars.js";
import { Canvas, colours, fitted, paintGauge, useWidth } from "./canvas.js";
import { bytes, cores, percent } from "./quantities.js";

const FORMS = [
  { name: "card", width: 168, height: 54, gap: 8 },
  { name: "card", width: 116, height: 42, gap: 7 },
  { name: "pair", width: 92, height: 26, gap: 7 },
  { name: "pair", width: 52, height: 18, gap: 6 },
  { name: "column", width: 14, height: 30, gap: 4 },
  { name: "column", width: 10, height: 22, gap: 3 },
  { name: "column", width: 7, height: 18, gap: 3 },
];
const WIDEST = 1.6;
const TALLEST = { card: 1, pair: 1.4, column: 1.6 };
const HEADER = 24;
const GROUP_GAP = 18;
const NARROW = 480;
const OUTLINE = 2;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";

const KNOWN = {
  zone: ["topology.kubernetes.io/zone"],
  pool: [
    "karpenter.sh/nodepool", "eks.amazonaws.com/nodegroup", "cloud.google.com/gke-nodepool", "kubernetes.azure.com/agentpool",
    "doks.digitalocean.com/node-pool", "node.kubernetes.io/pool", "pool", "node.kubernetes.io/instance-type",
  ],
};
const MOST_GROUPS = 40;

// The names by which nodes can be grouped: zone, pool, role, and labels that few values share.
export function groupings(nodes) {
  const values = new Map();
  for (const node of nodes) {
    for (const [label, value] of Object.entries(node.labels)) {
      let known = values.get(label);
      if (!known) values.set(label, (known = new Set()));
      if (known.size <= MOST_GROUPS) known.add(value);
    }
  }
  const has = (labels) => labels.some((label) => values.has(label));
  const labels = [...values].filter(([, known]) => known.size > 1 && known.size <= MOST_GROUPS).map(([label]) => label);
  return ["none", ...(has(KNOWN.zone) ? ["zone"] : []), ...(has(KNOWN.pool) ? ["pool"] : []), "role", ...labels.sort()];
}

function groupOf(grouping) {
  if (grouping === "none") return () => "";
  if (grouping === "role") return (node) => node.roles || "no role";
  const labels = KNOWN[grouping] ?? [grouping];
  return (node) => {
    const label = labels.find((name) => name in node.labels);
    return label ? node.labels[label] || "(empty)" : `no ${grouping}`;
  };
}

function grouped(nodes, grouping) {
  const group = groupOf(grouping);
  const groups = new Map();
  for (const node of nodes) {
    const name = group(node);
    const members = groups.get(name);
    if (members) members.push(node);
    else groups.set(name, [node]);
  }
  return [...groups].sort(([one], [other]) => one.localeCompare(other));
}

// Groups are placed side by side as far as they fit, like words in lines; without tiles only the height is found.
function place(groups, form, width, withTiles = true) {
  const pitch = form.width + form.gap;
  const columns = Math.max(1, Math.floor((width + form.gap) / pitch));
  const header = groups.length > 1 || groups[0]?.[0] ? HEADER : 0;
  const tiles = [];
  const headers = [];
  let [left, top, lineHeight] = [0, 0, 0];
  for (const [name, nodes] of groups) {
    const wide = Math.min(columns, nodes.length);
    const least = Math.max(wide * pitch - form.gap, header ? Math.min(width, 96) : 0);
    if (left && left + least > width) [left, top, lineHeight] = [0, top + lineHeight + GROUP_GAP, 0];
    if (header) headers.push({ key: `group ${name}`, stamp: nodes.length, name, x: left, y: top, width: least, height: header });
    if (withTiles) nodes.forEach((node, index) => {
      tiles.push({
        key: node.key,
        stamp: node,
        node,
        x: left + (index % wide) * pitch,
        y: top + header + Math.floor(index / wide) * (form.height + form.gap),
        width: form.width,
        height: form.height,
      });
    });
    lineHeight = Math.max(lineHeight, header + Math.ceil(nodes.length / wide) * (form.height + form.gap) - form.gap);
    left += least + GROUP_GAP;
  }
  return { tiles, items: [...headers, ...tiles], height: top + lineHeight, form };
}

// The largest form that fits into the height; then its tiles share the width, and the height, that are left.
function fitting(groups, width, budget) {
  const forms = width < NARROW ? FORMS.filter(({ name }) => name !== "card") : FORMS;
  const height = (form) => place(groups, form, width, false).height;
  const form = forms.find((one) => height(one) <= budget) ?? forms.at(-1);
  const columns = Math.max(1, Math.floor((width + form.gap) / (form.width + form.gap)));
  const most = Math.max(...groups.map(([, nodes]) => nodes.length));
  const wider = Math.floor((width + form.gap) / Math.min(columns, most)) - form.gap;
  const wide = { ...form, width: Math.max(form.width, Math.min(wider, Math.round(form.width * WIDEST))) };
  if (height(wide) > height(form)) return place(groups, form, width);
  let tall = wide;
  for (let next = form.height + 1; next <= Math.round(form.height * TALLEST[form.name]); next += 1) {
    if (height({ ...wide, height: next }) > budget) break;
    tall = { ...wide, height: next };
  }
  return place(groups, tall, width);
}

function paintTile(context, tile, form, selected) {
  const colour = colours();
  const { node, x, y } = tile;
  const toned = node.tone === "good" ? null : colour[node.tone];
  if (form.name === "column") {
    const bar = Math.floor((form.width - 1) / 2);
    const size = form.height - 3;
    paintGauge(context, node.cpu, x, y, size, bar, true);
    paintGauge(context, node.memory, x + form.width - bar, y, size, bar, true);
    context.fillStyle = toned ?? colour.line;
    context.fillRect(x, y + size + 1, form.width, toned ? 2 : 1);
  } else {
    const card = form.name === "card";
    const inset = card ? 10 : 4;
    context.fillStyle = colour.panel;
    context.strokeStyle = selected ? colour.used : (toned ?? colour.line);
    context.lineWidth = selected || toned ? 1.5 : 1;
    context.beginPath();
    context.roundRect(x + 0.5, y + 0.5, form.width - 1, form.height - 1, card ? 6 : 4);
    context.fill();
    context.stroke();
    const size = form.width - 2 * inset;
    const compact = form.height < 50;
    const bar = card ? (compact ? 6 : 7) : Math.floor((form.height - 8) / 2);
    const first = card ? (compact ? 20 : 25) : 3;
    paintGauge(context, node.cpu, x + inset, y + first, size, bar);
    paintGauge(context, node.memory, x + inset, y + first + bar + (card ? (compact ? 3 : 5) : 2), size, bar);
    if (card) paintName(context, tile, form, toned);
  }
  if (selected && form.name === "column") {
    context.strokeStyle = colour.text;
    context.lineWidth = 1;
    context.strokeRect(x - 1.5, y - 1.5, form.width + 3, form.height + 3);
  }
}

function paintName(context, { node, x, y }, form, toned) {
  const colour = colours();
  const count = `${node.pods}`;
  const line = y + (form.height < 50 ? 14 : 16);
  context.font = `11px ${FONT}`;
  context.fillStyle = colour.faint;
  context.textAlign = "right";
  context.fillText(count, x + form.width - 10, line);
  const room = form.width - 28 - context.measureText(count).width - (toned ? 14 : 0);
  context.textAlign = "left";
  if (toned) {
    context.fillStyle = toned;
    context.fillText(node.tone === "bad" ? "✗" : "▲", x + 10, line);
  }
  context.font = `600 11.5px ${FONT}`;
  context.fillStyle = colour.text;
  context.fillText(fitted(context, node.name, room), x + 10 + (toned ? 14 : 0), line);
}

function paintHeader(context, { name, stamp, x, y, width }) {
  const colour = colours();
  context.font = `600 12px ${FONT}`;
  context.fillStyle = colour.text;
  const text = fitted(context, name, width - 30);
  context.fillText(text, x, y + 13);
  const used = context.measureText(text).width;
  context.font = `12px ${FONT}`;
  context.fillStyle = colour.faint;
  context.fillText(String(stamp), x + used + 7, y + 13);
}

export function Amounts({ row, of }) {
  const line = (name, format, resource) => html`<tr>
    <th scope="row">${name}</th>
    <td>${percent(row[resource].requested)} requested</td>
    <td>${percent(row[resource].used)} used</td>
    <td>${percent(row[resource].limited)} limits</td>
    <td>of ${format(row.allocatable?.[resource] ?? 0)}</td>
  </tr>`;
  return html`<table class="amounts"><caption class="unseen">${of}</caption><tbody>
    ${line("cpu", cores, "cpu")}${line("memory", bytes, "memory")}
  </tbody></table>`;
}

function tip({ node }) {
  return html`<strong>${node.name}</strong> <span class=${`tone ${node.tone}`}>${node.condition}</span>
    <${Amounts} row=${node} of=${node.name} />
    <div class="faint">${node.pods} pods · ${node.roles || "no role"} · ${node.version}</div>`;
}

const target = ({ node }) => node && to.node(node.name);

function nameOf({ node }) {
  return `${node.name}, ${node.condition}, cpu ${sentence(node.cpu)}, memory ${sentence(node.memory)}, ${node.pods} pods`;
}

export function NodeGrid({ nodes, version, grouping, budget }) {
  const ref = useRef(null);
  const width = useWidth(ref);
  const placed = useMemo(
    () => (width && nodes.length ? fitting(grouped(nodes, grouping), width, budget) : null),
    [nodes, version, grouping, width, budget],
  );
  const form = placed?.form;
  const at = (x, y) => placed.tiles.find((tile) => x >= tile.x - 1 && x <= tile.x + form.width + 1 && y >= tile.y && y <= tile.y + form.height + 1);
  const picture = placed && {
    items: placed.items,
    frame: form.name,
    margin: OUTLINE,
    paint: (context, item, selected) => (item.node ? paintTile(context, item, form, selected) : paintHeader(context, item)),
  };
  const unready = nodes.filter((node) => node.tone !== "good").length;
  return html`<div class="picture" ref=${ref}>${placed && html`<${Canvas}
    width=${width} height=${Math.ceil(placed.height) + 2} picture=${picture} at=${at} tip=${tip} target=${target} name=${nameOf}
    label=${`${nodes.length} nodes, each with a bar of cpu and one of memory; ${unready} not ready, cordoned or with problems. The table has the numbers.`}
  />`}</div>`;
}
