// The columns of a table: those of the server's Table, in its order. What a text cannot show, such as a bar, a tone or
// a link, is drawn in place of the text of the column with that name.

import { html } from "htm/preact";
import { useMemo, useRef } from "preact/hooks";

import { href, to } from "./address.js";
import { Bar, Toned, sentence } from "./bars.js";
import { hasValue } from "./live.js";
import { age, measured, percent, seconds } from "./quantities.js";

const SAMPLE = 200;
const ENOUGH = 1000;
const MARK_WIDTH = 20;
const NO_MORE = [];
const [LEAST_WIDTH, MOST_WIDTH, PADDING] = [58, 300, 26];
const [CHARACTER, BOLD_CHARACTER] = [7.3, 8.2];

const faint = (text) => html`<span class="faint">${text}</span>`;
const toned = (tone, text) => ({ priority: 0, mark: MARK_WIDTH, search: text, cell: (row) => html`<${Toned} tone=${tone(row)}>${text(row)}<//>` });
const bad = (read) => ({ cell: (row) => (read(row) ? html`<${Toned} tone="bad">${read(row)}<//>` : faint("0")) });
const bar = (read, priority) => ({
  cell: (row) => html`<span class="barcell"><${Bar} gauge=${read(row)} label=${sentence(read(row))} /><span>${percent(read(row).requested)}</span></span>`,
  width: 170, right: false, priority,
});
const linked = (target, text, width) => ({ width, cell: (row) => (text(row) ? html`<a href=${href(target(row))}>${text(row)}</a>` : faint("–")) });

export const podTone = (row, views) => {
  if (row.healthy) return row.phase === "Running" ? "good" : "idle";
  return views.transientReasons.includes(row.reasonClass) ? "warning" : "bad";
};

const restarts = (row, now) => (row.restarts && row.restarted ? `${row.restarts} (${age(row.restarted, now)} ago)` : row.restarts || faint("0"));

function images() {
  const tag = (row) => (row.floating ? html`<${Toned} tone="warning">${row.tag}<//>` : row.tag);
  return { REPOSITORY: { first: true, priority: 0 }, TAG: { priority: 0, cell: tag }, "PULL-FAIL": bad((row) => row.failures) };
}

// What is drawn, by the plural of the resource and the name of the column.
export function drawings(views) {
  const worst = Object.keys(views.healthTones);
  const severity = (row) => worst.length - worst.indexOf(row.health);
  return {
    nodesummaries: {
      STATUS: toned((row) => row.tone, (row) => row.condition),
      "CPU%": bar((row) => row.cpu, 1),
      "MEM%": bar((row) => row.memory, 1.1),
    },
    namespacesummaries: { DEGRADED: bad((row) => row.workloads.degraded) },
    workloadsummaries: {
      NAME: { cell: (row) => row.owner, search: (row) => row.name },
      HEALTH: { ...toned((row) => views.healthTones[row.health] ?? "idle", (row) => row.health), sort: severity, down: true },
    },
    podsummaries: {
      STATUS: toned((row) => podTone(row, views), (row) => row.reason),
      RESTARTS: { cell: restarts, sort: (row) => row.restarts, right: true, down: true, width: 120 },
      NODE: { ...linked((row) => to.node(row.node), (row) => row.node, 130), priority: 1.6 },
    },
    imagesummaries: images(),
    clusterimagesummaries: images(),
  };
}

export const NAMESPACE = {
  ...linked((row) => to.namespace(row.namespace), (row) => row.namespace, 130),
  id: "namespace", name: "NAMESPACE", priority: 1.5, sort: (row) => row.namespace, search: (row) => row.namespace,
};

// Why pods have no node: of several reasons a Table has one.
export const WHY = {
  id: "why", name: "WHY", priority: 0, width: 320,
  cell: (row) => why(row), search: (row) => why(row), sort: (row) => why(row).toLowerCase(),
};

const why = (row) => row.pendingReasons.map(({ reason, count }) => (count ? `${reason} ×${count}` : reason)).join(", ") || row.reason;

// Some of the rows, from all parts of the list.
function sample(rows) {
  const step = Math.max(1, Math.floor(rows.length / SAMPLE));
  return rows.filter((_, place) => place % step === 0);
}

function widthOf(texts, character) {
  const longest = Math.max(...texts.map(({ length }) => length));
  return Math.round(Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, PADDING + character * longest)));
}

function declared({ name, type, format, priority, description }, place, count, sampled, mark = 0) {
  const text = (row) => (hasValue(row.cells[place]) ? String(row.cells[place]) : "");
  const found = sampled.map(text).filter(Boolean);
  const isName = format === "name";
  const common = {
    // Names may differ in case alone.
    id: `${place}`, name: name.toUpperCase(), title: description, place, first: isName,
    width: mark + widthOf([`${name}  `, ...found], isName ? BOLD_CHARACTER : CHARACTER),
    // Where there is little room, wide columns are left out first, and of others the last.
    priority: isName ? 0 : 2 + place + priority * count,
  };
  if (type === "date") {
    const began = (row) => (seconds(text(row)) === null ? 0 : row.receivedAt - 1000 * seconds(text(row)));
    return { ...common, cell: (row, now) => (began(row) ? age(began(row), now) : faint("–")), sort: began, right: true, down: true };
  }
  const cell = (row) => (text(row) === "0" ? faint("0") : text(row) || faint("–"));
  const isNumber = type === "integer" || type === "number" || (!isName && found.length > 0 && found.every((one) => !Number.isNaN(measured(one))));
  if (!isNumber) return { ...common, cell, sort: (row) => text(row).toLowerCase(), search: text };
  const size = (row) => (text(row) ? measured(text(row)) : NaN);
  const isShare = found.some((one) => one.includes("/"));
  return { ...common, cell, sort: (row) => (Number.isNaN(size(row)) ? -Infinity : size(row)), right: true, down: !isShare };
}

// The columns for the rows of a collection. Widths, and what is a number, are told from some of the rows; the columns are
// made anew when there are twice as many, until these are enough.
export function useColumns({ live, rows, resource }, views, { namespace = "", omit = NO_MORE, more = NO_MORE } = {}) {
  const seen = useRef({ rows: -1 });
  const { columns, rows: before } = seen.current;
  if (columns !== live.columns || (before < ENOUGH && rows.length > 2 * before)) seen.current = { columns: live.columns, rows: rows.length };
  return useMemo(() => {
    const drawn = (!resource.isDefined && drawings(views)[resource.plural]) || {};
    const sampled = sample(rows);
    const made = live.columns
      .map((one, place) => ({ ...declared(one, place, live.columns.length, sampled, drawn[one.name]?.mark), ...drawn[one.name] }))
      .filter(({ name }) => !omit.includes(name));
    const first = made.findIndex((column) => column.first);
    const within = resource.namespaced && !namespace && !omit.includes("NAMESPACE") ? [NAMESPACE] : [];
    return [...within, ...made.slice(0, first + 1), ...more, ...made.slice(first + 1)];
  }, [seen.current, resource, views, namespace, omit.join(), more]);
}
