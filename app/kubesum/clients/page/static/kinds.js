// The kinds that RollupDefinitions make, as discovery has them. Discovery cannot be watched: it is read every few seconds.

import { useEffect, useState } from "preact/hooks";

import { json } from "./live.js";

const EVERY_MS = 2000;
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
    const now = JSON.stringify(kinds);
    if (kinds && now !== before) {
      before = now;
      found(kinds);
    }
    await pause(signal);
  }
}

// Null if they cannot be read: those of before stay.
async function read(root, signal) {
  try {
    const { resources } = await json(root, signal);
    return resources
      .map(({ name, kind, namespaced }) => ({ root, plural: name, kind, namespaced, isDefined: true }))
      .sort((one, other) => (one.plural < other.plural ? -1 : 1));
  } catch (error) {
    return error.code === NOT_FOUND ? [] : null;
  }
}

// Ends early when somebody looks at the page again.
function pause(signal) {
  return new Promise((done) => {
    const ending = setTimeout(end, EVERY_MS);
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
