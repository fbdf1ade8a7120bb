// The members of a group of a RollupDefinition: which rows of a summary they are, as far as a summary shows what the
// definition groups by. The server selects by fields and labels of the rows themselves; labels of their namespaces and
// nodes, and values of a default, are compared here.

// The fields that the summary of a source can be selected by.
const FIELDS = {
  Pods: { name: "metadata.name", phase: "status.phase", reason: "status.reason", reasonClass: "status.reasonClass", healthy: "status.healthy", nodeName: "status.nodeName", qosClass: "status.qosClass" },
  Nodes: { name: "metadata.name" },
  Workloads: { name: "status.workloadRef.name", kind: "status.workloadRef.kind", health: "status.health" },
};
const OF_WORKLOAD = { Kind: "status.workloadRef.kind", Name: "status.workloadRef.name" };

// What selects the members of the group with these keys; `why` says what no summary can be selected by. `namespaces` and
// `nodes` are tests of labels, empty where all of them are selected.
export function selection({ source, groupBy, selector, namespaceSelector, filter }, group, namespace) {
  const found = { source, namespace, fields: [], labels: terms(selector), rows: [], namespaces: [], nodes: [], why: "" };
  if (filter) found.why = "filter";
  if (namespaceSelector) found.namespaces.push((labels) => matches(namespaceSelector, labels));
  for (const key of groupBy) select(found, key, group[key.name]);
  return found;
}

function select(found, key, value) {
  const { field, label, nodeLabel, namespaceLabel, workload, default: absent = "none" } = key;
  const has = (name) => (labels) => (labels[name] ?? absent) === value;
  const own = label ?? (found.source === "Nodes" ? nodeLabel : undefined);
  const path = field ? FIELDS[found.source][field] : OF_WORKLOAD[workload];
  if (value === undefined) found.why = "the groups beyond its limit";
  else if (field === "namespace") found.namespace = value;
  else if (path) found.fields.push(`${path}=${escaped(value)}`);
  else if (own && value === absent) found.rows.push(has(own));
  else if (own) found.labels.push(`${own}=${value}`);
  else if (namespaceLabel) found.namespaces.push(has(namespaceLabel));
  else if (nodeLabel) found.nodes.push(has(nodeLabel));
  else found.why = key.name;
}

// The names of the namespaces and of the nodes that members are in; null where all are.
export function places(found, namespaces, nodes) {
  const passing = (tests, rows) => (tests.length ? rows.filter(({ labels }) => tests.every((test) => test(labels))).map(({ name }) => name).sort() : null);
  return { namespaces: passing(found.namespaces, namespaces), nodes: passing(found.nodes, nodes) };
}

// The rows that are members, in these places; a pod without a node has no labels of one.
export function membersOf(found, rows, { namespaces, nodes }) {
  const [within, on] = [namespaces && new Set(namespaces), nodes && new Set(nodes)];
  const unassigned = found.nodes.every((test) => test({}));
  const isMember = (row) => (!within || within.has(row.namespace)) && (!on || (row.node ? on.has(row.node) : unassigned));
  return rows.filter((row) => isMember(row) && found.rows.every((test) => test(row.labels)));
}

const escaped = (value) => value.replace(/[\\,=]/g, "\\$&");

// A metav1.LabelSelector as text.
function terms(selector) {
  const equal = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const texts = { Exists: (key) => key, DoesNotExist: (key) => `!${key}`, In: (key, values) => `${key} in (${values})`, NotIn: (key, values) => `${key} notin (${values})` };
  return [...equal, ...(selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => texts[operator](key, values.join()))];
}

// Whether labels match a metav1.LabelSelector.
function matches({ matchLabels = {}, matchExpressions = [] }, labels) {
  const holds = { Exists: (value) => value !== undefined, DoesNotExist: (value) => value === undefined, In: (value, values) => values.includes(value), NotIn: (value, values) => !values.includes(value) };
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => holds[operator](labels[key], values))
  );
}
