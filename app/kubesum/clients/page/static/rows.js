// Rows: the part of each served object that is shown, with its quantities as numbers. A row is replaced, never changed.

import { quantity } from "./quantities.js";

const NONE = Object.freeze({});
const NO_ENTRIES = Object.freeze([]);

function amounts(map) {
  return map ? { cpu: quantity(map.cpu), memory: quantity(map.memory) } : null;
}

// What every object has: all that is needed beside the cells of a kind that a RollupDefinition makes.
export function common(object) {
  const { name, namespace = "", creationTimestamp, labels = NONE } = object.metadata;
  return {
    key: `${namespace}/${name}`,
    name,
    namespace,
    labels,
    created: creationTimestamp ? Date.parse(creationTimestamp) : 0,
  };
}

// Shares of what is allocatable, in percent; null if unknown.
function gauge(status, resource) {
  const share = (name) => status[name]?.[resource] ?? null;
  return { requested: share("requestsPercent"), limited: share("limitsPercent"), used: share("usagePercent") };
}

function devices(map) {
  return Object.entries(map ?? NONE).reduce((sum, [name, text]) => (name.endsWith("/gpu") ? sum + quantity(text) : sum), 0);
}

export function cluster(object) {
  const { status } = object;
  return {
    ...common(object),
    cpu: gauge(status, "cpu"),
    memory: gauge(status, "memory"),
    podsPercent: status.requestsPercent?.pods ?? null,
    allocatable: { ...amounts(status.allocatable), pods: quantity(status.allocatable?.pods) },
    requests: amounts(status.requests),
    limits: amounts(status.limits),
    usage: amounts(status.usage),
    gpus: { requested: devices(status.requests), allocatable: devices(status.allocatable) },
    nodes: status.nodes ?? NONE,
    pods: status.pods ?? NONE,
    workloads: status.workloads ?? NONE,
    unhealthy: status.unhealthy ?? 0,
    statusCounts: status.statusCounts ?? NO_ENTRIES,
    pendingReasons: status.pendingReasons ?? NO_ENTRIES,
    pendingRequests: amounts(status.pendingRequests),
    conditions: status.conditions ?? NO_ENTRIES,
  };
}

export function node(object) {
  const { status } = object;
  const ready = status.ready === "True";
  const words = ready ? [] : [(status.reason ?? "").split(",")[0] || "NotReady"];
  if (status.unschedulable) words.push("Cordoned");
  const problems = status.problems ?? NO_ENTRIES;
  return {
    ...common(object),
    condition: (words.length ? words : problems.length ? problems : ["Ready"]).join(","),
    tone: !ready ? "bad" : status.unschedulable || problems.length ? "warning" : "good",
    cordoned: Boolean(status.unschedulable),
    roles: (status.roles ?? NO_ENTRIES).join(","),
    cpu: gauge(status, "cpu"),
    memory: gauge(status, "memory"),
    allocatable: { ...amounts(status.allocatable), pods: quantity(status.allocatable?.pods) },
    requests: amounts(status.requests),
    limits: amounts(status.limits),
    usage: amounts(status.usage),
    gpus: { requested: devices(status.requests), allocatable: devices(status.allocatable) },
    pods: status.pods?.active ?? 0,
    notReady: status.pods?.notReady ?? 0,
    restarts: status.restarts ?? 0,
    taints: status.taints ?? 0,
    version: status.kubeletVersion ?? "",
  };
}

export function namespace(object) {
  const { status } = object;
  return {
    ...common(object),
    pods: status.pods ?? NONE,
    workloads: status.workloads ?? NONE,
    requests: amounts(status.requests),
    limits: amounts(status.limits),
    usage: amounts(status.usage),
    restarts: status.restarts ?? 0,
  };
}

export function workload(object) {
  const { status } = object;
  const problems = (status.statusCounts ?? NO_ENTRIES).filter(({ reason }) => reason !== "Running" && reason !== "Completed");
  const problem = problems.reduce((most, entry) => (!most || entry.count > most.count ? entry : most), null);
  return {
    ...common(object),
    kind: status.workloadRef?.kind ?? "",
    owner: status.workloadRef?.name ?? "",
    health: status.health ?? "",
    problem: problem ? `${problem.reason} ×${problem.count}` : "",
    ready: status.replicas?.ready ?? status.pods?.ready ?? 0,
    desired: status.replicas?.desired ?? status.pods?.active ?? 0,
    requests: amounts(status.requests),
    usage: amounts(status.usage),
    usedShare: status.usagePercent ?? NONE,
    restarts: status.restarts ?? 0,
    nodes: status.nodes ?? 0,
    images: status.images ?? NO_ENTRIES,
  };
}

export function pod(object) {
  const { status } = object;
  return {
    ...common(object),
    phase: status.phase ?? "",
    reason: status.reason ?? "",
    reasonClass: status.reasonClass ?? "",
    healthy: status.healthy ?? true,
    ready: status.readyContainers ?? 0,
    containers: status.totalContainers ?? 0,
    restarts: status.restarts ?? 0,
    restarted: status.lastRestartTime ? Date.parse(status.lastRestartTime) : 0,
    ended: status.lastTerminationReason ?? "",
    node: status.nodeName ?? "",
    kind: status.workloadRef?.kind ?? "",
    owner: status.workloadRef?.name ?? "",
    pendingReasons: status.pendingReasons ?? NO_ENTRIES,
    requests: amounts(status.requests),
    usage: amounts(status.usage),
    usedShare: status.usagePercent ?? NONE,
  };
}

export function image(object) {
  const { status } = object;
  return {
    ...common(object),
    repository: status.repository ?? "",
    tag: status.tag ?? "",
    floating: Boolean(status.floatingTag),
    pods: status.pods ?? 0,
    workloads: status.workloads ?? 0,
    namespaces: status.namespaces ?? 0,
    nodes: status.nodes ?? 0,
    failures: status.pullFailures ?? 0,
  };
}

// One object of a kind that a RollupDefinition makes, whole: columns may leave measures out.
function group(object) {
  return { ...common(object), groupKey: object.key ?? NONE, measures: object.status ?? NONE };
}

const SUMMARIES = {
  clustersummaries: cluster,
  nodesummaries: node,
  namespacesummaries: namespace,
  workloadsummaries: workload,
  podsummaries: pod,
  imagesummaries: image,
  clusterimagesummaries: image,
};

export function projection({ plural, isDefined, isWhole }) {
  if (isWhole) return group;
  return isDefined ? common : SUMMARIES[plural];
}
