// The views: which collections each reads, and what it draws of them.

import { html } from "htm/preact";
import { useEffect, useMemo } from "preact/hooks";

import { adjust, href, to } from "./address.js";
import { Bar, Reasons, Toned, sentence } from "./bars.js";
import { WHY, useColumns } from "./columns.js";
import { collection, use } from "./live.js";
import { NodeGrid, groupings } from "./nodegrid.js";
import { age, bytes, cores, percent } from "./quantities.js";
import { largest } from "./ranking.js";
import { Table } from "./table.js";
import { Treemap } from "./treemap.js";

const FEW = 12;
const MOST_REPLICAS = 2 ** 31;
const UNSCHEDULED = "status.phase=Pending,status.nodeName=";
// Of a pod that has no node yet, these say nothing.
const UNTOLD = ["READY", "STATUS", "RESTARTS"];
const REASONS = [WHY];

const OF_IMAGE = ["NAME", "REPOSITORY", "TAG"];

const NO_ROWS = [];

// The live rows of a resource while a view shows them; none without a resource.
export function useRows(resource, { namespace = "", ...parameters } = {}) {
  const id = resource && JSON.stringify([resource.root, resource.plural, namespace, parameters]);
  const live = useMemo(() => resource && collection(resource, namespace, parameters), [id]);
  useEffect(() => (live ? use(live) : undefined), [live]);
  const rows = useMemo(() => (live ? [...live.rows.values()] : NO_ROWS), [live, live?.version]);
  return { live, rows, version: live?.version, resource };
}

// The rows as a table with the columns of their resource.
export function Rows({ found, views, address, columns, ...shown }) {
  return html`<${Table} collection=${found.live} rows=${found.rows} columns=${useColumns(found, views, columns)} address=${address} ...${shown} />`;
}

export const resourceOf = (views, name) => views.views.find((view) => view.name === name);

export function Trouble({ live, what }) {
  if (!live.error) return null;
  const stale = live.synced ? `What is shown is as of ${new Date(live.heardAt).toLocaleTimeString()}. ` : "";
  return html`<p class="trouble" role="alert"><${Toned} tone="bad">${what}<//> ${stale}${live.error.message}</p>`;
}

function Panel({ title, link, tools, children, wide }) {
  return html`<section class=${`panel ${wide ? "wide" : ""}`}>
    <header><h2>${link ? html`<a href=${href(link)}>${title}</a>` : title}</h2><div class="tools">${tools}</div></header>
    ${children}
  </section>`;
}

function Choice({ label, value, options, parameter }) {
  return html`<label class="choice">${label} <select value=${value} onChange=${(event) => adjust({ [parameter]: event.target.value })}>
    ${options.map((option) => html`<option key=${option} value=${option}>${option}</option>`)}
  </select></label>`;
}

const matching = (rows, filter, read) => (filter ? rows.filter((row) => read(row).toLowerCase().includes(filter.toLowerCase())) : rows);

function Legend({ by }) {
  if (by === "health") {
    return html`<p class="key" aria-hidden="true"><span class="swatch neutral"></span>healthy <span class="swatch warning"></span>progressing <span class="swatch bad"></span>degraded <span class="swatch idle"></span>idle</p>`;
  }
  return html`<p class="key" aria-hidden="true">used of requested <span class="ramp"></span> 0–100% <span class="swatch over"></span>above</p>`;
}

const BarKey = () => html`<p class="key" aria-hidden="true"><span class="swatch requested"></span>requested <span class="swatch used"></span>used <span class="swatch over"></span>used, not requested <span class="swatch limit"></span>limits · cpu above memory</p>`;

function NodesPanel({ nodes, version, live, address, budget, link }) {
  const options = useMemo(() => groupings(nodes), [nodes.length, live.synced]);
  const grouping = options.includes(address.group) ? address.group : options.includes("zone") ? "zone" : "none";
  const shown = matching(nodes, address.filter, (row) => `${row.name} ${row.condition} ${row.roles}`);
  const sorted = useMemo(() => [...shown].sort((one, other) => (one.name < other.name ? -1 : 1)), [shown]);
  return html`<${Panel} title=${`Nodes`} link=${link} tools=${html`<${Choice} label="group by" value=${grouping} options=${options} parameter="group" />`}>
    <${Trouble} live=${live} what="Nodes cannot be read." />
    <${NodeGrid} nodes=${sorted} version=${version} grouping=${grouping} budget=${budget} />
    <${BarKey} />
    ${link && html`<${Unseen} caption="The fullest nodes" rows=${nodes} columns=${["Name", "Status", "CPU requested", "Memory requested"]}
      cells=${(row) => [row.name, row.condition, percent(row.cpu.requested), percent(row.memory.requested)]} order=${(row) => row.cpu.requested ?? 0} />`}
  <//>`;
}

// The numbers of a picture for screen readers, where no table stands beside it.
function Unseen({ caption, rows, columns, cells, order }) {
  const first = largest(rows, FEW, order);
  return html`<div class="unseen"><table><caption>${caption}</caption>
    <thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
    <tbody>${first.map((row) => html`<tr key=${row.key}>${cells(row).map((text, place) => (place ? html`<td>${text}</td>` : html`<th scope="row">${text}</th>`))}</tr>`)}</tbody>
  </table></div>`;
}

function TreemapPanel({ rows, live, version, address, views, height, title, link, flat }) {
  const resource = address.area === "memory" ? "memory" : "cpu";
  const by = address.colour === "health" ? "health" : "usage";
  const shown = matching(rows, address.filter, (row) => `${row.namespace}/${row.name} ${row.health ?? row.reason} ${row.problem ?? ""}`);
  return html`<${Panel} title=${title} link=${link} tools=${html`
    <${Choice} label="area" value=${resource} options=${["cpu", "memory"]} parameter="area" />
    <${Choice} label="colour" value=${by} options=${["usage", "health"]} parameter="colour" />`}>
    ${live && html`<${Trouble} live=${live} what="Workloads cannot be read." />`}
    <${Treemap} rows=${shown} version=${version} resource=${resource} by=${by} views=${views} height=${height} flat=${flat} />
    <${Legend} by=${by} />
    ${link && html`<${Unseen} caption="The largest workloads" rows=${rows} columns=${["Workload", "Health", "CPU requested", "Memory requested"]}
      cells=${(row) => [`${row.namespace}/${row.owner}`, row.health, cores(row.requests?.cpu ?? 0), bytes(row.requests?.memory ?? 0)]} order=${(row) => row.requests?.[resource] ?? 0} />`}
  <//>`;
}

export function Overview({ views, address, cluster }) {
  const nodes = useRows(resourceOf(views, "nodes").resource);
  const workloads = useRows(resourceOf(views, "workloads").resource, { namespace: address.namespace });
  const troubled = workloads.rows.filter((row) => views.healthTones[row.health] === "bad" || views.healthTones[row.health] === "warning");
  // Degraded ones before those that progress, by the replicas that are missing.
  const severity = (row) => (views.healthTones[row.health] === "bad" ? MOST_REPLICAS : 0) + row.desired - row.ready;
  const waiting = cluster?.pendingReasons ?? [];
  const statuses = (cluster?.statusCounts ?? []).filter(({ reason }) => reason !== "Running" && reason !== "Completed");
  const height = Math.max(300, Math.min(520, innerHeight - 420));
  return html`<div class="grid">
    <${NodesPanel} nodes=${nodes.rows} version=${nodes.version} live=${nodes.live} address=${address} budget=${height} link=${to.view("nodes")} />
    <${TreemapPanel} rows=${workloads.rows} live=${workloads.live} version=${workloads.version} address=${address} views=${views} height=${height} title="Workloads by namespace" link=${to.view("workloads")} />
    <${Panel} title="Needs attention" link=${to.view("workloads")}>
      ${troubled.length ? html`<table class="brief"><caption class="unseen">Workloads that are not healthy</caption><tbody>
        ${largest(troubled, FEW, severity).map((row) => html`<tr key=${row.key}>
          <th scope="row"><a href=${href(to.workload(row.namespace, row.kind, row.owner))}><span class="faint">${row.namespace}/</span>${row.owner}</a></th>
          <td><${Toned} tone=${views.healthTones[row.health]}>${row.health}<//></td>
          <td class="right">${row.ready}/${row.desired}</td><td class="problem">${row.problem}</td></tr>`)}
      </tbody></table>${troubled.length > FEW && html`<p class="faint more"><a href=${href(to.view("workloads"))}>${troubled.length - FEW} more</a></p>`}`
        : html`<p class="empty">${workloads.live.synced ? "every workload is healthy" : "loading…"}</p>`}
    <//>
    <${Panel} title="Pods by problem" link=${to.view("unhealthy")}>
      ${statuses.length ? html`<${Reasons} entries=${statuses.slice(0, FEW)} tone="bad" link=${(reason) => href(to.view("unhealthy", { filter: reason }))} />` : html`<p class="empty">no pod has a problem</p>`}
      <h3><a href=${href(to.view("pending"))}>Why pods are pending</a></h3>
      ${waiting.length ? html`<${Reasons} entries=${waiting.slice(0, FEW)} link=${(reason) => href(to.view("pending", { filter: reason }))} />` : html`<p class="empty">every pod has a node</p>`}
    <//>
  </div>`;
}

export function Nodes({ views, address }) {
  const found = useRows(resourceOf(views, "nodes").resource);
  return html`<${NodesPanel} nodes=${found.rows} version=${found.version} live=${found.live} address=${address} budget=${Math.max(260, innerHeight - 400)} />
    <${Rows} found=${found} views=${views} address=${address} caption="Nodes" link=${(row) => to.node(row.name)} />`;
}

export function Namespaces({ views, address }) {
  const found = useRows(resourceOf(views, "namespaces").resource, { namespace: address.namespace });
  const workloads = useRows(resourceOf(views, "workloads").resource, { namespace: address.namespace });
  return html`<${TreemapPanel} rows=${workloads.rows} version=${workloads.version} address=${{ ...address, filter: "" }} views=${views} height=${320} title="Workloads by namespace" />
    <${Trouble} live=${found.live} what="Namespaces cannot be read." />
    <${Rows} found=${found} views=${views} columns=${{ omit: ["NAMESPACE"] }} address=${address} caption="Namespaces" link=${(row) => to.namespace(row.name)} />`;
}

export function Workloads({ views, address, namespace = address.namespace, title = "Workloads by namespace" }) {
  const found = useRows(resourceOf(views, "workloads").resource, { namespace });
  return html`<${TreemapPanel} rows=${found.rows} version=${found.version} live=${found.live} address=${address} views=${views} height=${Math.max(240, Math.min(380, innerHeight - 480))} title=${title} flat=${Boolean(namespace)} />
    <${Rows} found=${found} views=${views} columns=${{ namespace }} address=${{ sort: "HEALTH", ...address }} caption="Workloads" link=${(row) => to.workload(row.namespace, row.kind, row.owner)} />`;
}

export const toWorkload = (row) => (row.kind ? to.workload(row.namespace, row.kind, row.owner) : null);

export function Unhealthy({ views, address }) {
  const view = resourceOf(views, "unhealthy");
  const found = useRows(view.resource, { namespace: address.namespace, fieldSelector: view.fieldSelector });
  const counts = new Map();
  for (const row of found.rows) counts.set(row.reason, (counts.get(row.reason) ?? 0) + 1);
  const entries = [...counts].map(([reason, count]) => ({ reason, count })).sort((one, other) => other.count - one.count);
  return html`<${Trouble} live=${found.live} what="Pods cannot be read." />
    ${entries.length > 0 && html`<${Panel} title="Unhealthy pods by status"><${Reasons} entries=${entries.slice(0, FEW)} tone="bad" link=${(reason) => href(to.view("unhealthy", { namespace: address.namespace, filter: reason }))} /><//>`}
    <${Rows} found=${found} views=${views} columns=${{ namespace: address.namespace }} address=${address} caption="Unhealthy pods" link=${toWorkload} empty="every pod is healthy" />`;
}

export function Pending({ views, address, cluster }) {
  const found = useRows(views.pods, { namespace: address.namespace, fieldSelector: UNSCHEDULED });
  const counts = new Map();
  for (const row of found.rows) for (const { reason } of row.pendingReasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const entries = [...counts].map(([reason, count]) => ({ reason, count })).sort((one, other) => other.count - one.count);
  const wanted = cluster?.pendingRequests;
  return html`<${Trouble} live=${found.live} what="Pods cannot be read." />
    ${entries.length > 0 && html`<${Panel} title="Why pods have no node" tools=${wanted && html`<span class="faint">they request ${cores(wanted.cpu)} cpu and ${bytes(wanted.memory)}</span>`}>
      <${Reasons} entries=${entries} link=${(reason) => href(to.view("pending", { namespace: address.namespace, filter: reason }))} /><//>`}
    <${Rows} found=${found} views=${views} columns=${{ namespace: address.namespace, omit: UNTOLD, more: REASONS }} address=${address} caption="Pods without a node" link=${toWorkload} empty="every pod has a node" />`;
}

export function Images({ views, address }) {
  const view = resourceOf(views, "images");
  const found = useRows(address.namespace ? view.resource : view.clusterResource, { namespace: address.namespace });
  return html`<${Trouble} live=${found.live} what="Images cannot be read." />
    <${Rows} found=${found} views=${views} columns=${{ namespace: address.namespace, omit: ["NAME"] }} address=${{ sort: "PODS", ...address }} caption="Images" link=${(row) => (address.namespace ? null : to.image(row.repository, row.tag))} />`;
}

export function Image({ views, address }) {
  const fieldSelector = `status.repository=${address.repository},status.tag=${address.tag ?? ""}`;
  const found = useRows(resourceOf(views, "images").resource, { fieldSelector });
  return html`<h1>${address.repository}<span class="faint">:${address.tag}</span></h1><${Trouble} live=${found.live} what="Images cannot be read." />
    <${Rows} found=${found} views=${views} columns=${{ omit: OF_IMAGE }} address=${{ sort: "PODS", ...address }} caption="Namespaces of the image" link=${(row) => to.namespace(row.namespace)} />`;
}

function Pods({ found, address, views, omit, title }) {
  return html`<${Trouble} live=${found.live} what="Pods cannot be read." />
    <${TreemapPanel} rows=${found.rows} version=${found.version} address=${address} views=${views} height=${220} title=${title} flat=${omit === "WORKLOAD"} />
    <${Rows} found=${found} views=${views} columns=${{ namespace: address.namespace, omit: [omit] }} address=${address} caption="Pods" link=${toWorkload} />`;
}

export function Facts({ entries }) {
  return html`<dl class="facts">${entries.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export function Node({ views, address }) {
  const nodes = useRows(resourceOf(views, "nodes").resource, { fieldSelector: `metadata.name=${address.name}` });
  const pods = useRows(views.pods, { namespace: address.namespace, fieldSelector: `status.nodeName=${address.name}` });
  const node = nodes.rows[0];
  const meter = (name, gauge, total) => html`<div class="meter"><div class="head"><span class="name">${name}</span><span class="total">${total}</span></div><${Bar} gauge=${gauge} label=${sentence(gauge)} /><div class="legend">${sentence(gauge)}</div></div>`;
  return html`<h1>${address.name} ${node && html`<${Toned} tone=${node.tone}>${node.condition}<//>`}</h1>
    <${Trouble} live=${nodes.live} what="The node cannot be read." />
    ${node && html`<section class="strip" aria-label="Node">
      ${meter("CPU", node.cpu, `${cores(node.allocatable?.cpu ?? 0)} cores`)}${meter("Memory", node.memory, bytes(node.allocatable?.memory ?? 0))}
      <${Facts} entries=${[["pods", `${node.pods}/${node.allocatable?.pods ?? 0}`], ["roles", node.roles], ["version", node.version], ["taints", node.taints], ["age", age(node.created, Date.now())],
        ["zone", node.labels["topology.kubernetes.io/zone"]], ["instance", node.labels["node.kubernetes.io/instance-type"]]]} />
    </section>`}
    ${!node && nodes.live.synced && html`<p class="empty">there is no node ${address.name}</p>`}
    <${Pods} found=${pods} address=${address} views=${views} omit="NODE" title="Pods on this node" />`;
}

export function Namespace({ views, address }) {
  const { live, rows } = useRows(resourceOf(views, "namespaces").resource, { namespace: address.name });
  const row = rows[0];
  return html`<h1>${address.name}</h1>
    <${Trouble} live=${live} what="The namespace cannot be read." />
    ${row && html`<${Facts} entries=${[["pods ready", `${row.pods.ready}/${row.pods.active}`], ["workloads healthy", `${row.workloads.healthy}/${row.workloads.total}`],
      ["cpu requested", cores(row.requests?.cpu ?? 0)], ["cpu used", row.usage && cores(row.usage.cpu)], ["memory requested", bytes(row.requests?.memory ?? 0)],
      ["memory used", row.usage && bytes(row.usage.memory)], ["pending", row.pods.unscheduled], ["restarts", row.restarts]]} />`}
    <${Workloads} views=${views} address=${address} namespace=${address.name} title="Workloads of this namespace" />`;
}

export function Workload({ views, address }) {
  const fieldSelector = `status.workloadRef.kind=${address.kind},status.workloadRef.name=${address.name}`;
  const { live, rows } = useRows(resourceOf(views, "workloads").resource, { namespace: address.namespace, fieldSelector });
  const pods = useRows(views.pods, { namespace: address.namespace, fieldSelector });
  const row = rows[0];
  return html`<h1><a class="faint" href=${href(to.namespace(address.namespace))}>${address.namespace}/</a>${address.name} ${row && html`<${Toned} tone=${views.healthTones[row.health] ?? "idle"}>${row.health}<//>`}</h1>
    <${Trouble} live=${live} what="The workload cannot be read." />
    ${row && html`<${Facts} entries=${[["kind", row.kind], ["ready", `${row.ready}/${row.desired}`], ["status", row.problem], ["cpu requested", cores(row.requests?.cpu ?? 0)],
      ["cpu used", row.usage && cores(row.usage.cpu)], ["memory requested", bytes(row.requests?.memory ?? 0)], ["memory used", row.usage && bytes(row.usage.memory)],
      ["nodes", row.nodes], ["restarts", row.restarts], ["images", row.images.join(", ")]]} />`}
    ${!row && live.synced && html`<p class="empty">there is no ${address.kind} ${address.namespace}/${address.name}</p>`}
    <${Pods} found=${pods} address=${address} views=${views} omit="WORKLOAD" title="Pods of this workload" />`;
}

export const VIEWS = {
  overview: Overview, nodes: Nodes, namespaces: Namespaces, workloads: Workloads, unhealthy: Unhealthy, images: Images, pending: Pending,
  node: Node, namespace: Namespace, workload: Workload, image: Image,
};
