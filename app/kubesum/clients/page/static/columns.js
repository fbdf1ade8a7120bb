// The columns of each table: the same names, order and priorities as those of `kubesum top`.

import { html } from "htm/preact";

import { href, to } from "./address.js";
import { Bar, Toned, sentence } from "./bars.js";
import { age, bytes, cores, percent } from "./quantities.js";

const words = (name, read, width, more) => ({ name, cell: read, sort: (row) => read(row).toLowerCase(), search: read, width, ...more });
const count = (name, read, more) => ({ name, cell: (row) => read(row) || html`<span class="faint">0</span>`, sort: read, width: 76, right: true, down: true, ...more });
const share = (name, part, whole, more) => ({
  name, cell: (row) => `${part(row)}/${whole(row)}`, sort: (row) => whole(row) - part(row), width: 84, right: true, down: true, ...more,
});
const amount = (name, format, read, more) => ({
  name, cell: (row) => (read(row) === undefined ? html`<span class="faint">–</span>` : format(read(row))), sort: (row) => read(row) ?? -1, width: 82, right: true, down: true, ...more,
});
const bar = (name, read) => ({
  name,
  cell: (row) => html`<span class="barcell"><${Bar} gauge=${read(row)} label=${sentence(read(row))} /><span>${percent(read(row).requested)}</span></span>`,
  sort: (row) => read(row).requested ?? -1, width: 170, down: true,
});
const since = { name: "AGE", cell: (row, now) => age(row.created, now), sort: (row) => row.created, width: 68, right: true, down: true };
const cpu = (name, read, more) => amount(name, cores, (row) => read(row)?.cpu, more);
const memory = (name, read, more) => amount(name, bytes, (row) => read(row)?.memory, more);
const bad = (name, read, more) => count(name, read, { ...more, cell: (row) => (read(row) ? html`<${Toned} tone="bad">${read(row)}<//>` : html`<span class="faint">0</span>`) });
const hasUsage = (row) => row.usage;

export const NAMESPACE = words("NAMESPACE", (row) => row.namespace, 130, { cell: (row) => html`<a href=${href(to.namespace(row.namespace))}>${row.namespace}</a>` });

export const NODES = [
  words("NAME", (row) => row.name, 150, { first: true }),
  words("STATUS", (row) => row.condition, 128, { cell: (row) => html`<${Toned} tone=${row.tone}>${row.condition}<//>` }),
  words("ROLES", (row) => row.roles, 110, { priority: 4 }),
  { name: "PODS", cell: (row) => `${row.pods}/${row.allocatable?.pods ?? 0}`, sort: (row) => row.pods, width: 72, right: true, down: true, priority: 1 },
  bar("CPU%", (row) => row.cpu),
  { ...amount("CPU-LIM%", percent, (row) => row.cpu.limited ?? undefined), width: 86, priority: 3 },
  { ...amount("CPU-USE%", percent, (row) => row.cpu.used ?? undefined), width: 88, priority: 2, optional: hasUsage },
  { ...bar("MEM%", (row) => row.memory), priority: 1 },
  { ...amount("MEM-LIM%", percent, (row) => row.memory.limited ?? undefined), width: 92, priority: 3 },
  { ...amount("MEM-USE%", percent, (row) => row.memory.used ?? undefined), width: 94, priority: 2, optional: hasUsage },
  { name: "GPU", cell: (row) => `${row.gpus.requested}/${row.gpus.allocatable}`, sort: (row) => row.gpus.requested, width: 56, right: true, down: true, priority: 3, optional: (row) => row.gpus.allocatable },
  count("NOT-READY", (row) => row.notReady, { priority: 4, width: 92 }),
  count("RESTARTS", (row) => row.restarts, { priority: 4, width: 84 }),
  words("VERSION", (row) => row.version, 90, { priority: 5 }),
  { ...since, priority: 2 },
];

export const NAMESPACES = [
  words("NAME", (row) => row.name, 150, { first: true }),
  share("PODS", (row) => row.pods.ready, (row) => row.pods.active),
  share("WORKLOADS", (row) => row.workloads.healthy, (row) => row.workloads.total, { width: 100 }),
  bad("DEGRADED", (row) => row.workloads.degraded, { width: 90 }),
  count("PENDING", (row) => row.pods.unscheduled, { priority: 2 }),
  cpu("CPU-REQ", (row) => row.requests, { priority: 1 }),
  cpu("CPU-LIM", (row) => row.limits, { priority: 3 }),
  cpu("CPU-USE", (row) => row.usage, { priority: 1, optional: hasUsage }),
  memory("MEM-REQ", (row) => row.requests, { priority: 1 }),
  memory("MEM-LIM", (row) => row.limits, { priority: 3 }),
  memory("MEM-USE", (row) => row.usage, { priority: 1, optional: hasUsage }),
  count("RESTARTS", (row) => row.restarts, { priority: 2, width: 84 }),
  { ...since, priority: 2 },
];

const severity = (views) => {
  const order = Object.keys(views.healthTones);
  return (row) => order.length - order.indexOf(row.health);
};

export const workloads = (views) => [
  { ...NAMESPACE, priority: 1 },
  words("NAME", (row) => row.owner, 170, { first: true }),
  words("KIND", (row) => row.kind, 100, { priority: 5 }),
  share("READY", (row) => row.ready, (row) => row.desired, { width: 66 }),
  { name: "HEALTH", cell: (row) => html`<${Toned} tone=${views.healthTones[row.health] ?? "idle"}>${row.health}<//>`, sort: severity(views), search: (row) => row.health, width: 118, down: true },
  words("STATUS", (row) => row.problem, 180, { priority: 3 }),
  count("RESTARTS", (row) => row.restarts, { priority: 4, width: 84 }),
  cpu("CPU-REQ", (row) => row.requests, { priority: 1 }),
  cpu("CPU-USE", (row) => row.usage, { priority: 2, optional: hasUsage }),
  memory("MEM-REQ", (row) => row.requests, { priority: 1 }),
  memory("MEM-USE", (row) => row.usage, { priority: 2, optional: hasUsage }),
  count("NODES", (row) => row.nodes, { priority: 5, width: 68 }),
  { ...since, priority: 3 },
];

export const podTone = (row, views) => {
  if (row.healthy) return row.phase === "Running" ? "good" : "idle";
  return views.transientReasons.includes(row.reasonClass) ? "warning" : "bad";
};

export const pods = (views) => [
  { ...NAMESPACE, priority: 1 },
  words("NAME", (row) => row.name, 200, { first: true }),
  share("READY", (row) => row.ready, (row) => row.containers, { width: 66 }),
  words("STATUS", (row) => row.reason, 150, { cell: (row) => html`<${Toned} tone=${podTone(row, views)}>${row.reason}<//>` }),
  { ...count("RESTARTS", (row) => row.restarts, { priority: 1, width: 120 }), cell: (row, now) => (row.restarts && row.restarted ? `${row.restarts} (${age(row.restarted, now)} ago)` : `${row.restarts}`) },
  words("NODE", (row) => row.node, 130, { priority: 3, cell: (row) => row.node && html`<a href=${href(to.node(row.node))}>${row.node}</a>` }),
  words("WORKLOAD", (row) => (row.kind ? `${row.kind.toLowerCase()}/${row.owner}` : ""), 170, { priority: 4 }),
  words("LAST-END", (row) => row.ended, 100, { priority: 5 }),
  cpu("CPU-REQ", (row) => row.requests, { priority: 2 }),
  cpu("CPU-USE", (row) => row.usage, { priority: 3, optional: hasUsage }),
  memory("MEM-REQ", (row) => row.requests, { priority: 2 }),
  memory("MEM-USE", (row) => row.usage, { priority: 3, optional: hasUsage }),
  { ...since, priority: 2 },
];

export const pending = (views) => [
  { ...NAMESPACE, priority: 1 },
  words("NAME", (row) => row.name, 200, { first: true }),
  words("WHY", (row) => row.pendingReasons.map(({ reason, count }) => `${reason} ×${count}`).join(", ") || row.reason, 320),
  cpu("CPU-REQ", (row) => row.requests, { priority: 1 }),
  memory("MEM-REQ", (row) => row.requests, { priority: 1 }),
  words("WORKLOAD", (row) => (row.kind ? `${row.kind.toLowerCase()}/${row.owner}` : ""), 190, { priority: 2 }),
  { ...since, priority: 1 },
];

export const IMAGES = [
  words("REPOSITORY", (row) => row.repository, 280, { first: true }),
  words("TAG", (row) => row.tag, 150, { cell: (row) => (row.floating ? html`<${Toned} tone="warning">${row.tag}<//>` : row.tag) }),
  count("PODS", (row) => row.pods, { width: 66 }),
  count("WORKLOADS", (row) => row.workloads, { priority: 2, width: 100 }),
  count("NAMESPACES", (row) => row.namespaces, { priority: 1, width: 104 }),
  count("NODES", (row) => row.nodes, { priority: 1, width: 68 }),
  bad("PULL-FAIL", (row) => row.failures, { priority: 1, width: 90 }),
];
