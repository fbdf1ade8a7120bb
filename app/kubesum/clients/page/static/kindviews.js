// The views of the kinds that RollupDefinitions make: the groups of one, and one group with its members.

import { html } from "htm/preact";
import { useEffect, useMemo, useState } from "preact/hooks";

import { href, to } from "./address.js";
import { json } from "./live.js";
import { membersOf, places, selection } from "./members.js";
import { Facts, Rows, Trouble, resourceOf, toWorkload, useRows } from "./views.js";

const SOURCES = {
  Pods: { name: "pods", link: toWorkload },
  Nodes: { name: "nodes", link: (row) => to.node(row.name) },
  Workloads: { name: "workloads", link: (row) => to.workload(row.namespace, row.kind, row.owner) },
};

const UNREADABLE = { 403: "you may not get its RollupDefinition", 404: "this server has no RollupDefinitions, as kubesum local" };

export function Kind({ views, address, kinds }) {
  const kind = kinds?.find(({ plural }) => plural === address.plural);
  if (kind) return html`<${address.view === "group" ? Group : Groups} key=${kind.plural} kind=${kind} views=${views} address=${address} />`;
  return html`<p class="empty" role="status">${kinds ? `No RollupDefinition makes ${address.plural}; it appears here once one does.` : "loading…"}</p>`;
}

function Groups({ kind, views, address }) {
  const found = useRows(kind, { namespace: address.namespace });
  return html`<${Trouble} live=${found.live} what=${`${kind.kind} cannot be read.`} />
    <${Rows} found=${found} views=${views} columns=${{ namespace: address.namespace }} address=${address} caption=${kind.plural} empty="there are no groups"
      link=${(row) => to.group(kind.plural, row.namespace, row.name)} />`;
}

const named = (values) => Object.entries(values).map(([name, value]) => [name, String(value)]);

function Group({ kind, views, address }) {
  const resource = useMemo(() => ({ ...kind, isWhole: true }), [kind]);
  const { live, rows } = useRows(resource, { namespace: address.namespace, fieldSelector: `metadata.name=${address.name}` });
  const row = rows[0];
  const within = kind.namespaced && address.namespace;
  return html`<h1>${within && html`<a class="faint" href=${href(to.namespace(within))}>${within}/</a>`}${address.name} <span class="faint">${kind.kind}</span></h1>
    <${Trouble} live=${live} what=${`${kind.kind} cannot be read.`} />
    ${row && html`<section aria-label="Keys"><h2>Keys</h2><${Facts} entries=${named(row.groupKey)} /></section>
      <section aria-label="Measures"><h2>Measures</h2><${Facts} entries=${named(row.measures)} /></section>
      <${Members} kind=${kind} row=${row} views=${views} address=${address} />`}
    ${!row && live.synced && html`<p class="empty">there is no ${kind.kind} ${within ? `${within}/` : ""}${address.name}</p>`}`;
}

// The definition of a kind, or why it cannot be read; null until one of both is known.
function useDefinition(url) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    const ending = new AbortController();
    json(url, ending.signal).then(
      ({ spec }) => setFound({ spec }),
      ({ code, message }) => ending.signal.aborted || setFound({ why: UNREADABLE[code] ?? message }),
    );
    return () => ending.abort();
  }, [url]);
  return found;
}

function Members({ kind, row, views, address }) {
  const definition = useDefinition(`${views.definitions}/${kind.plural}.${kind.root.split("/")[2]}`);
  const selected = useMemo(
    () => definition?.spec && selection(definition.spec, row.groupKey, row.namespace),
    [definition, JSON.stringify(row.groupKey), row.namespace],
  );
  if (!definition) return null;
  const why = definition.why ?? (selected.why && `no summary can be selected by ${selected.why}`);
  return why ? html`<p class="empty">The members are not listed: ${why}</p>` : html`<${Selected} selected=${selected} views=${views} address=${address} />`;
}

function Selected({ selected, views, address }) {
  const { name, link } = SOURCES[selected.source];
  const summaries = (of) => (of === "pods" ? views.pods : resourceOf(views, of).resource);
  const parameters = { fieldSelector: selected.fields.join(), labelSelector: selected.labels.join() };
  for (const key of Object.keys(parameters)) if (!parameters[key]) delete parameters[key];
  const found = useRows(summaries(name), { namespace: selected.namespace, ...parameters });
  const namespaces = useRows(selected.namespaces.length ? summaries("namespaces") : null, { namespace: selected.namespace });
  const nodes = useRows(selected.nodes.length ? summaries("nodes") : null);
  // A table follows rows that are replaced: its key changes when others of the same rows become members.
  const where = places(selected, namespaces.rows, nodes.rows);
  const key = JSON.stringify(where);
  const rows = useMemo(() => membersOf(selected, found.rows, where), [selected, found.rows, key]);
  return html`<section aria-label="Members"><h2>Members</h2>
    ${[found, namespaces, nodes].map(({ live, resource }) => live && html`<${Trouble} live=${live} what=${`${resource.plural} cannot be read.`} />`)}
    <${Rows} key=${key} found=${{ ...found, rows }} views=${views} columns=${{ namespace: selected.namespace }} address=${address} caption="Members" link=${link} /></section>`;
}
