// The page: the header, the cluster strip, and one view, drawn again when something has changed.

import { render } from "preact";
import { html } from "htm/preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { adjust, current, dropToken, href, open, to } from "./address.js";
import { forgetColours } from "./canvas.js";
import { useKinds } from "./kinds.js";
import { Kind } from "./kindviews.js";
import { changed, collection, json, onChange, use } from "./live.js";
import { Strip } from "./strip.js";
import { moveCursor, openCursor } from "./table.js";
import { VIEWS } from "./views.js";

const TABS = ["overview", "nodes", "namespaces", "workloads", "unhealthy", "images", "pending"];
const PARENTS = { node: "nodes", namespace: "namespaces", workload: "workloads", image: "images" };
const KIND_VIEWS = ["kind", "group"];
const THEMES = ["auto", "light", "dark"];
const CLOCK_MS = 5000;
const KEYS = [
  ["0 – 6", "overview, nodes, namespaces, workloads, unhealthy, images, pending"],
  ["7", "the kinds that RollupDefinitions make, one after another"], ["/", "filter: only rows that contain a text"], ["n", "show one namespace"], ["a", "show all namespaces"],
  ["↑ ↓ k j", "one row up or down"], ["← ↑ ↓ →", "in a picture, which Tab leads to: another node or workload"], ["Enter", "open the row"], ["Esc", "close this, clear the filter, or go back"],
  ["r", "reverse the order"], ["t", "light, dark, or as the system has it"], ["?", "this help"],
];

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  forgetColours();
  changed();
}

function State({ live }) {
  const old = live.error !== null;
  if (!old) return html`<span class="state" role="status"><span class=${`dot ${live.synced ? "good" : "idle"}`} aria-hidden="true"></span>${live.synced ? "live" : "loading"}</span>`;
  const since = live.heardAt ? `as of ${new Date(live.heardAt).toLocaleTimeString()}` : "no data";
  return html`<span class="state" role="status"><span class="dot bad" aria-hidden="true"></span>${since}</span>`;
}

// Not a controlled input: the page is drawn again while somebody types, and what is typed holds only with Enter.
function NamespaceField({ namespace }) {
  const ref = useRef(null);
  useLayoutEffect(() => void (ref.current.value = namespace), [namespace]);
  return html`<input id="namespace" ref=${ref} type="text" placeholder="all namespaces  n" aria-label="Namespace, empty for all" autocomplete="off" spellcheck=${false}
    onChange=${(event) => adjust({ namespace: event.target.value.trim(), row: undefined })} />`;
}

function Header({ views, address, live, theme, onTheme, onHelp }) {
  const chosen = PARENTS[address.view] ?? address.view ?? "overview";
  return html`<header class="top">
    <a class="mark" href="/" aria-label="kubesum, overview"><svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true"><path class="back" d="M2 4h12M2 8h12M2 12h12" /><path class="fill" d="M2 4h8M2 8h4" /><path class="over" d="M2 12h10" /></svg><span>kubesum</span></a>
    <span class="context" title=${views.server}>${views.context}</span>
    <nav aria-label="Views">${TABS.map((name, number) => html`<a key=${name} href=${href(to.view(name, { namespace: address.namespace }))} aria-current=${name === chosen ? "page" : undefined} title=${`key ${number}`}>${name}</a>`)}</nav>
    <div class="controls">
      <input id="filter" type="search" placeholder="filter  /" aria-label="Filter rows" autocomplete="off" spellcheck=${false} value=${address.filter ?? ""} onInput=${(event) => adjust({ filter: event.target.value, row: undefined })} />
      <${NamespaceField} namespace=${address.namespace ?? ""} />
      <${State} live=${live} />
      <button type="button" onClick=${onTheme} aria-label=${`Theme: ${theme}`} title=${`theme: ${theme}  t`}>${theme === "dark" ? "☾" : theme === "light" ? "☀" : "◐"}</button>
      <button type="button" onClick=${onHelp} aria-label="Keys" title="keys  ?">?</button>
    </div>
  </header>`;
}

function Kinds({ kinds, address }) {
  if (!kinds?.length) return null;
  const chosen = KIND_VIEWS.includes(address.view) && address.plural;
  return html`<nav class="kinds" aria-label="Kinds of RollupDefinitions">${kinds.map(({ plural, kind }) => html`<a key=${plural}
    href=${href(to.kind(plural, { namespace: address.namespace }))} aria-current=${plural === chosen ? "page" : undefined} title=${kind}>${plural}</a>`)}</nav>`;
}

// The kind after the one that is shown, the first one after the last.
function openNextKind(kinds) {
  const { view, plural, namespace } = current();
  const place = KIND_VIEWS.includes(view) ? kinds.findIndex((kind) => kind.plural === plural) : -1;
  if (kinds.length) open(to.kind(kinds[(place + 1) % kinds.length].plural, { namespace }));
}

function Help({ onClose }) {
  const ref = useRef(null);
  useEffect(() => ref.current.showModal(), []);
  return html`<dialog ref=${ref} class="help" aria-label="Keys" onClose=${onClose}>
    <h2>Keys</h2><dl>${KEYS.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <button type="button" onClick=${() => ref.current.close()}>Close</button>
  </dialog>`;
}

function useKeys(kinds, onTheme, onHelp) {
  const known = useRef(null);
  known.current = kinds ?? [];
  useEffect(() => {
    const actions = {
      "/": () => document.getElementById("filter").focus(),
      n: () => document.getElementById("namespace").focus(),
      a: () => adjust({ namespace: undefined }),
      j: () => moveCursor(1), ArrowDown: () => moveCursor(1), k: () => moveCursor(-1), ArrowUp: () => moveCursor(-1),
      Enter: openCursor,
      r: () => adjust({ order: document.querySelector('th[aria-sort="ascending"]') ? "down" : "up" }),
      t: onTheme,
      "?": onHelp,
      Escape: () => (current().filter ? adjust({ filter: undefined }) : current().view && history.back()),
    };
    actions[TABS.length] = () => openNextKind(known.current);
    TABS.forEach((name, number) => (actions[number] = () => open(to.view(name, { namespace: current().namespace }))));
    const press = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
      const inField = event.target.matches("input, select");
      if (inField && event.key === "Escape") return void event.target.blur();
      if (inField && event.key === "Enter") return void event.target.blur();
      if (inField || (event.key === "Enter" && event.target.matches("a, button")) || !actions[event.key]) return;
      event.preventDefault();
      actions[event.key]();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

function Page({ views }) {
  const [, draw] = useState(0);
  const [theme, setTheme] = useState(localStorage.getItem("theme") ?? "auto");
  const [helping, setHelping] = useState(false);
  const live = useMemo(() => collection(views.cluster), []);
  const kinds = useKinds(views.kinds);
  useEffect(() => onChange(() => draw((number) => number + 1)), []);
  useEffect(() => use(live), []);
  useEffect(() => {
    const clock = setInterval(changed, CLOCK_MS);
    return () => clearInterval(clock);
  }, []);
  useEffect(() => applyTheme(theme), [theme]);
  const nextTheme = () =>
    setTheme((old) => {
      const next = THEMES[(THEMES.indexOf(old) + 1) % THEMES.length];
      localStorage.setItem("theme", next);
      return next;
    });
  const address = current();
  useKeys(kinds, nextTheme, () => setHelping(true));

  const view = KIND_VIEWS.includes(address.view) ? Kind : (VIEWS[address.view || "overview"] ?? VIEWS.overview);
  const shown = KIND_VIEWS.includes(address.view) ? address.plural : address.view || "overview";
  const title = [address.name ?? address.repository, shown, views.context].filter(Boolean).join(" · ");
  useEffect(() => void (document.title = `${title} · kubesum`), [title]);
  const place = [address.view, address.name, address.kind, address.repository, address.tag, address.plural].join("\n");
  const before = useRef(place);
  useLayoutEffect(() => {
    // Keys and screen readers go on in what was opened, not in what is gone; who types already is not interrupted.
    const typing = document.activeElement?.matches("input");
    if (before.current !== place && !typing) document.querySelector("main").focus({ preventScroll: true });
    before.current = place;
  }, [place]);
  const cluster = live.rows.values().next().value;
  const old = (cluster?.conditions ?? []).find(({ type, status }) => type === "Synced" && status !== "True");
  const parent = address.view === "group" ? to.kind(address.plural) : address.view in PARENTS && to.view(PARENTS[address.view]);
  return html`<${Header} views=${views} address=${address} live=${live} theme=${theme} onTheme=${nextTheme} onHelp=${() => setHelping(true)} />
    <main key=${`${place}\n${address.namespace}`} tabindex="-1">
      <${Kinds} kinds=${kinds} address=${address} />
      ${parent ? html`<p class="crumbs"><a href=${href(parent)}>${parent.plural ?? parent.view}</a> ›</p>` : html`<h1 class="unseen">${shown} of ${views.context}</h1>`}
      ${old && html`<p class="trouble warning" role="alert">kubesum's own data is old: ${old.message}</p>`}
      ${live.error && (live.synced || live.error.code !== 403) && html`<p class="trouble" role="alert">${live.synced ? `What is shown is as of ${new Date(live.heardAt).toLocaleTimeString()}. ` : ""}${live.error.message}</p>`}
      ${!parent && html`<${Strip} cluster=${cluster} />`}
      <${view} views=${views} address=${address} cluster=${cluster} kinds=${kinds} />
    </main>
    ${helping && html`<${Help} onClose=${() => setHelping(false)} />`}`;
}

async function start() {
  const root = document.getElementById("page");
  applyTheme(localStorage.getItem("theme") ?? "auto");
  dropToken();
  try {
    const views = await json("/views.json");
    if (!location.search && views.namespace) adjust({ namespace: views.namespace });
    render(html`<${Page} views=${views} />`, root);
  } catch (error) {
    render(html`<main class="refused"><h1>kubesum</h1><p role="alert">${error.message}</p></main>`, root);
  }
}

start();
