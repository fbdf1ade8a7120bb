// The kinds that RollupDefinitions make, as discovery has them. Discovery cannot be watched: it is read every few seconds.

import { useEffect, useState } from "preact/hooks";

import { json } from "./live.js";

const EVERY_MS = 2000;
// While the group is not registered at all.
const SELDOM_MS = 30_000;
const NOT_FOUND = 404;

// The kinds by their plurals; null until they are read.
export function useKinds(root) {
  const [kinds, setKinds] = useState(null);
  useEffect(() => {
    const ending = new AbortController();
    follow(root, setKinds, ending.signal);
    return () => ending.abort();
  }, [root]);
  return kinds;
}

async function follow(root, found, signal) {
  let before = "";
  while (!signal.aborted) {
    const kinds = document.hidden ? null : await read(root, signal);
    const now = JSON.stringify(kinds?.found);
    if (kinds && now !== before) {
      before = now;
      found(kinds.found);
    }
    await pause(kinds?.isServed === false ? SELDOM_MS : EVERY_MS, signal);
  }
}

// Null if they cannot be read: those of before stay.
async function read(root, signal) {
  try {
    const { resources } = await json(root, signal);
    const found = resources.map(({ name, kind, namespaced }) => ({ root, plural: name, kind, namespaced, isDefined: true }));
    return { found: found.sort((one, other) => (one.plural < other.plural ? -1 : 1)), isServed: true };
  } catch (error) {
    return error.code === NOT_FOUND ? { found: [], isServed: false } : null;
  }
}

// Ends early when somebody looks at the page again.
function pause(milliseconds, signal) {
  return new Promise((done) => {
    const ending = setTimeout(end, milliseconds);
    function end() {
      clearTimeout(ending);
      document.removeEventListener("visibilitychange", end);
      signal.removeEventListener("abort", end);
      done();
    }
    document.addEventListener("visibilitychange", end);
    signal.addEventListener("abort", end);
  });
}
