// What is shown, as the query of the address: reload, back and links to a view follow from it.

import { changedByUser } from "./live.js";

export function current() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

export function href(parameters) {
  const filled = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  return filled.length ? `/?${new URLSearchParams(filled)}` : "/";
}

export function open(parameters) {
  history.pushState(null, "", href(parameters));
  scrollTo(0, 0);
  changedByUser();
}

// Changes parts of what is shown, without a step back.
export function adjust(parts) {
  history.replaceState(null, "", href({ ...current(), ...parts }));
  changedByUser();
}

// The token in the address has been exchanged for a cookie by now.
export function dropToken() {
  const { token, ...rest } = current();
  if (token) history.replaceState(null, "", href(rest));
}

addEventListener("popstate", changedByUser);

// Clicks on links of this page open without loading it again.
addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open(Object.fromEntries(new URLSearchParams(link.search)));
});

// Links to what a row consists of.
export const to = {
  view: (view, more) => ({ view: view === "overview" ? "" : view, ...more }),
  node: (name) => ({ view: "node", name }),
  namespace: (name) => ({ view: "namespace", name }),
  workload: (namespace, kind, name) => ({ view: "workload", namespace, kind, name }),
  group: (plural, namespace, name) => ({ view: "group", plural, namespace, name }),
  kind: (plural, more) => ({ view: "kind", plural, ...more }),
  image: (repository, tag) => ({ view: "image", repository, tag }),
};
