// A real table of which only the rows on the screen exist, so that its cost does not depend on the size of the cluster.

import { html } from "htm/preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { adjust, current, href, open } from "./address.js";
import { useWidth } from "./canvas.js";
import { Ordering } from "./ordering.js";

const ROW_HEIGHT = 30;
const OVERSCAN = 8;
const ARRANGED_EVERY_MS = 1000;
const MANY = 10_000;
const NO_PLACES = [];
const UNSORTED = { name: "", sort: () => 0 };

// The column that the address names, or the first one, and whether its least value comes first.
function sorting(columns, address) {
  const column = columns.find(({ name }) => name === address.sort) ?? columns.find(({ first }) => first) ?? columns[0] ?? UNSORTED;
  const up = address.order ? address.order === "up" : !column.down;
  return { column, up };
}

// Columns by their priority, as many as the width has room for, without those at the places `unfilled`.
function visible(columns, width, unfilled) {
  const present = columns.filter(({ place }) => !unfilled.includes(place));
  let room = width;
  const kept = new Set();
  for (const priority of [...new Set(present.map(({ priority = 0 }) => priority))].sort((one, other) => one - other)) {
    const more = present.filter((column) => (column.priority ?? 0) === priority);
    const wanted = more.reduce((sum, column) => sum + column.width, 0);
    if (priority && wanted > room) break;
    more.forEach((column) => kept.add(column));
    room -= wanted;
  }
  return present.filter((column) => kept.has(column));
}

function useWindow(ref, count) {
  // None, until it is known which are on the screen: a first layout of the page is then cheap.
  const [range, setRange] = useState([0, 0]);
  useLayoutEffect(() => {
    const update = () => {
      const top = -ref.current.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - OVERSCAN);
      const last = Math.ceil((top + innerHeight) / ROW_HEIGHT) + OVERSCAN;
      setRange((old) => (old[0] === first && old[1] === last ? old : [first, Math.max(last, first + 1)]));
    };
    update();
    addEventListener("scroll", update, { passive: true });
    addEventListener("resize", update);
    return () => {
      removeEventListener("scroll", update);
      removeEventListener("resize", update);
    };
  }, [count]);
  return [Math.min(range[0], count), Math.min(range[1], count)];
}

// The rows in their order; tens of thousands are arranged once a second.
function useArranged(rows, columns, address) {
  const { column, up } = sorting(columns, address);
  const ordering = useMemo(() => new Ordering(columns, address.filter ?? "", column, up), [columns, address.filter, column, up]);
  const kept = useRef({ at: 0 });
  return useMemo(() => {
    const now = performance.now();
    if (kept.current.ordering !== ordering || rows.length < MANY || now - kept.current.at > ARRANGED_EVERY_MS) {
      kept.current = { ordering, at: now, rows: ordering.arranged(rows) };
    }
    return { ...kept.current, column, up };
  }, [ordering, rows]);
}

export function Table({ collection, rows, columns, address, caption, link, empty }) {
  const ref = useRef(null);
  const body = useRef(null);
  const width = useWidth(ref);
  const { rows: sorted, column: by, up } = useArranged(rows, columns, address);
  const unfilled = collection.rows.size ? collection.unfilled : NO_PLACES;
  const shown = useMemo(() => visible(columns, width || 800, unfilled), [columns, width, unfilled]);
  // Columns that are always shown may be wider than a phone: they share its width then.
  const wanted = shown.reduce((sum, column) => sum + column.width, 0);
  const scale = width ? Math.min(1, width / wanted) : 1;
  const [first, last] = useWindow(body, sorted.length);
  const now = Date.now();
  const cursor = address.row;

  const sortBy = (column) => adjust({ sort: column.name, order: column === by ? (up ? "down" : "up") : undefined });
  const pressed = (event, row) => {
    const target = link?.(row);
    if (target && !event.target.closest("a") && !String(getSelection())) open(target);
  };
  return html`<div class="tablebox" ref=${ref}>
    <table class="rows" aria-rowcount=${sorted.length + 1}>
      <caption class="unseen">${caption}</caption>
      <colgroup>${shown.map((column) => html`<col key=${column.id} style=${{ width: `${Math.floor(column.width * scale)}px` }} />`)}</colgroup>
      <thead><tr>${shown.map((column) => html`<th key=${column.id} scope="col" class=${column.right ? "right" : ""}
        aria-sort=${column === by ? (up ? "ascending" : "descending") : "none"}>
        <button type="button" title=${column.title} onClick=${() => sortBy(column)}>${column.name}<span aria-hidden="true">${column === by ? (up ? " ▲" : " ▼") : ""}</span></button>
      </th>`)}</tr></thead>
      <tbody ref=${body}>
        ${first > 0 && html`<tr key="above" class="space" aria-hidden="true" style=${{ height: `${first * ROW_HEIGHT}px` }}><td colspan=${shown.length}></td></tr>`}
        ${sorted.slice(first, last).map((row, place) => {
          const target = link?.(row);
          return html`<tr key=${row.key} aria-rowindex=${first + place + 2} class=${(target ? "link " : "") + (row.key === cursor ? "cursor" : "")}
            data-key=${row.key} onClick=${(event) => pressed(event, row)}>
            ${shown.map((column) => {
              const content = column.cell(row, now);
              const linked = column.first && target ? html`<a href=${href(target)}>${content}</a>` : content;
              return column.first
                ? html`<th key=${column.id} scope="row">${linked}</th>`
                : html`<td key=${column.id} class=${column.right ? "right" : ""}>${linked}</td>`;
            })}
          </tr>`;
        })}
        ${last < sorted.length && html`<tr key="below" class="space" aria-hidden="true" style=${{ height: `${(sorted.length - last) * ROW_HEIGHT}px` }}><td colspan=${shown.length}></td></tr>`}
      </tbody>
    </table>
    ${!sorted.length && html`<p class="empty">${rows.length && address.filter ? `none of ${rows.length} rows contains “${address.filter}”` : collection.error ? "" : collection.synced ? (empty ?? "nothing to show") : "loading…"}</p>`}
  </div>`;
}

// Moves the cursor by rows, or opens the row under it; returns whether there is a table.
export function moveCursor(step) {
  const rows = rowsOfTable();
  if (!rows.length) return false;
  const place = rows.indexOf(cursorOf(rows));
  const next = rows[place < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, place + step))];
  adjust({ row: next.dataset.key });
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("th a")?.focus({ preventScroll: true });
  return true;
}

export function openCursor() {
  cursorOf(rowsOfTable())?.querySelector("th a")?.click();
}

const rowsOfTable = () => [...document.querySelectorAll("table.rows tbody tr[data-key]")];

// The next key may come before the row is drawn as the one under the cursor.
const cursorOf = (rows) => rows.find((row) => row.dataset.key === current().row);
