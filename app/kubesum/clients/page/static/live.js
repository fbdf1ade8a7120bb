// Live collections: one list in pages, then a watch that is resumed from the last resourceVersion, as client-go's
// Reflector does. A collection that is not shown keeps its rows for a while, and its watch is stopped: a browser opens
// six connections to one server at most.
//
// What is read is the Table that the server makes (metav1.Table), with the columns that the resource declares; each
// row of a summary has its object beside, for pictures and tones.

import { common, projection } from "./rows.js";

const TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1";
const PAGE = 500;
const NONE = new Set(["", "<none>", "<unknown>"]);
const FORGET_AFTER_MS = 60_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 2500;
const RENDER_EVERY_MS = 200;
// kubesum sends a bookmark every minute.
const SILENT_MS = 150_000;

// Whether there is something in a cell of a Table.
export const hasValue = (cell) => !NONE.has(cell ?? "");

const collections = new Map();
const listeners = new Set();
let scheduled = false;
let waiting = 0;
let renderedAt = 0;
let serial = 0;

// Calls `listener` in an animation frame after something has changed: five times a second at most what the cluster does,
// and at once what a user does.
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function changed() {
  if (scheduled) return;
  scheduled = true;
  const pause = Math.max(0, renderedAt + RENDER_EVERY_MS - performance.now());
  waiting = setTimeout(() => requestAnimationFrame(render), pause);
}

export function changedByUser() {
  clearTimeout(waiting);
  scheduled = true;
  requestAnimationFrame(render);
}

function render() {
  if (!scheduled) return;
  scheduled = false;
  renderedAt = performance.now();
  for (const listener of listeners) listener();
}

export class Refused extends Error {
  constructor(status) {
    super(status.message || `the server answers ${status.code}`);
    this.code = status.code ?? 0;
  }
}

// The JSON of a response; throws Refused with the server's sentence.
export async function json(url, signal, accept = "application/json") {
  const response = await fetched(url, signal, accept);
  return response.json();
}

async function fetched(url, signal, accept) {
  let response;
  try {
    response = await fetch(url, { signal, cache: "no-store", headers: { Accept: accept } });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused({ code: 0, message: "kubesum dashboard does not answer: it was stopped, or this machine slept" });
  }
  if (!response.ok) throw new Refused(await response.json().catch(() => ({ code: response.status })));
  return response;
}

// Aborts a watch of which nothing is heard: the server has stopped in the middle of it, and its connection has not.
class Silence {
  constructor() {
    this.controller = new AbortController();
    this.signal = this.controller.signal;
    this.restart();
  }

  restart() {
    this.end();
    const failure = { code: 0, message: `kubesum dashboard has sent nothing for ${SILENT_MS / 1000} s` };
    this.timer = setTimeout(() => this.controller.abort(new Refused(failure)), SILENT_MS);
  }

  end() {
    clearTimeout(this.timer);
  }
}

class Collection {
  constructor(path, parameters, project) {
    this.path = path;
    this.parameters = { ...parameters, includeObject: project === common ? "Metadata" : "Object" };
    this.project = project;
    this.columns = [];
    this.unfilled = [];
    this.rows = new Map();
    this.version = 0;
    this.synced = false;
    this.error = null;
    this.heardAt = 0;
    this.users = 0;
    this.resourceVersion = "";
    this.running = null;
    this.forgetting = 0;
  }

  start() {
    if (this.running) return;
    this.running = new AbortController();
    this.run(this.running.signal);
  }

  stop() {
    this.running?.abort();
    this.running = null;
  }

  async run(signal) {
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        if (!this.resourceVersion) await this.list(signal);
        await this.watch(signal, () => (pause = FIRST_PAUSE_MS));
      } catch (error) {
        if (signal.aborted) return;
        if (error.code === 410) {
          this.resourceVersion = "";
          continue;
        }
        this.error = error;
        changed();
        await new Promise((done) => setTimeout(done, pause * (0.8 + 0.4 * Math.random())));
        pause = Math.min(LONGEST_PAUSE_MS, pause * 1.6);
      }
    }
  }

  url(more) {
    return `${this.path}?${new URLSearchParams({ ...this.parameters, ...more })}`;
  }

  async list(signal) {
    const rows = new Map();
    let page = { metadata: {} };
    do {
      const token = page.metadata.continue;
      page = await json(this.url({ limit: PAGE, ...(token ? { continue: token } : {}) }), signal, TABLE);
      if (!token) this.begin(page.columnDefinitions);
      for (const row of page.rows) this.add(rows, row);
      if (this.rows !== rows) for (const row of this.rows.values()) row.gone = true;
      this.rows = rows;
      this.heard();
    } while (page.metadata.continue);
    this.resourceVersion = page.metadata.resourceVersion;
    this.synced = true;
    this.heard();
  }

  // A changed definition ends the watches of its kind: columns change with a list only. `unfilled` are the places of those
  // that no row has had a value of.
  begin(columns) {
    this.columns = columns;
    this.unfilled = columns.map((_, place) => place);
  }

  async watch(signal, onStart) {
    const silence = new Silence();
    try {
      await this.follow(AbortSignal.any([signal, silence.signal]), silence, onStart);
    } finally {
      silence.end();
    }
  }

  async follow(signal, silence, onStart) {
    const response = await fetched(
      this.url({ watch: "true", allowWatchBookmarks: "true", resourceVersion: this.resourceVersion }),
      signal,
      TABLE,
    );
    onStart();
    this.heard();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      silence.restart();
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) this.apply(JSON.parse(line));
      this.heard();
    }
  }

  apply({ type, object }) {
    if (type === "ERROR") throw new Refused(object);
    this.resourceVersion = object.metadata.resourceVersion;
    if (type === "BOOKMARK") return;
    for (const row of object.rows) {
      if (type === "DELETED") this.remove(common(row.object).key);
      else this.add(this.rows, row);
    }
    this.version += 1;
  }

  // A row is replaced, never changed: `serial` says which are new, `gone` which are shown no more. Ages in its cells
  // are as of `receivedAt`.
  add(rows, { cells, object }) {
    const row = this.project(object);
    row.cells = cells;
    row.receivedAt = Date.now();
    if (this.unfilled.some((place) => hasValue(cells[place]))) this.unfilled = this.unfilled.filter((place) => !hasValue(cells[place]));
    row.serial = serial += 1;
    row.gone = false;
    const old = rows.get(row.key);
    if (old) old.gone = true;
    rows.set(row.key, row);
  }

  remove(key) {
    const old = this.rows.get(key);
    if (old) old.gone = true;
    this.rows.delete(key);
  }

  heard() {
    this.error = null;
    this.heardAt = Date.now();
    this.version += 1;
    changed();
  }
}

// The collection of a resource; `use` and `release` it.
export function collection(resource, namespace = "", parameters = {}) {
  const path = `${resource.root}${namespace && resource.namespaced ? `/namespaces/${namespace}` : ""}/${resource.plural}`;
  const id = `${path}?${new URLSearchParams(parameters)}`;
  if (!collections.has(id)) collections.set(id, new Collection(path, parameters, projection(resource)));
  return collections.get(id);
}

export function use(collection) {
  collection.users += 1;
  clearTimeout(collection.forgetting);
  if (!document.hidden) collection.start();
  return () => release(collection);
}

function release(collection) {
  collection.users -= 1;
  if (collection.users) return;
  collection.stop();
  collection.forgetting = setTimeout(() => {
    for (const [id, one] of collections) if (one === collection && !one.users) collections.delete(id);
  }, FORGET_AFTER_MS);
}

// A tab that nobody sees watches nothing: other tabs need its connections.
document.addEventListener("visibilitychange", () => {
  for (const collection of collections.values()) {
    if (!collection.users) continue;
    if (document.hidden) collection.stop();
    else collection.start();
  }
});
