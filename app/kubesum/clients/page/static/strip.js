// The cluster in one strip: what is requested, used and limited of it, and what needs attention.

import { html } from "htm/preact";

import { href, to } from "./address.js";
import { Bar, sentence } from "./bars.js";
import { bytes, cores, grouped, percent } from "./quantities.js";

function Meter({ name, gauge, total }) {
  return html`<div class="meter">
    <div class="head"><span class="name">${name}</span><span class="total">${total}</span></div>
    <${Bar} gauge=${gauge} label=${sentence(gauge)} />
    <div class="legend">
      <span><b>${percent(gauge.requested)}</b> requested</span>
      ${gauge.used !== null && html`<span><b>${percent(gauge.used)}</b> used</span>`}
      ${gauge.limited !== null && html`<span><b>${percent(gauge.limited)}</b> limits</span>`}
    </div>
  </div>`;
}

function Figure({ value, of, name, tone, link }) {
  return html`<a class=${`figure ${tone ?? ""}`} href=${href(link)}>
    <span class="value">${tone && html`<span aria-hidden="true">${tone === "bad" ? "✗ " : "▲ "}</span>`}${value}${of !== undefined && html`<span class="of">/${of}</span>`}</span>
    <span class="name">${name}</span>
  </a>`;
}

export function Strip({ cluster }) {
  if (!cluster) return null;
  const { nodes, pods, workloads, gpus, allocatable } = cluster;
  const waiting = pods.unscheduled ?? 0;
  const share = gpus.allocatable ? Math.floor((100 * gpus.requested) / gpus.allocatable) : 0;
  return html`<section class="strip" aria-label="Cluster">
    <${Meter} name="CPU" gauge=${cluster.cpu} total=${`${cores(allocatable.cpu)} cores`} />
    <${Meter} name="Memory" gauge=${cluster.memory} total=${bytes(allocatable.memory)} />
    ${gpus.allocatable > 0 && html`<${Meter} name="GPU" gauge=${{ requested: share, used: null, limited: null }} total=${`${gpus.requested} of ${gpus.allocatable}`} />`}
    <div class="figures">
      <${Figure} name="nodes ready" value=${grouped(nodes.ready ?? 0)} of=${grouped(nodes.total ?? 0)} tone=${nodes.ready < nodes.total ? "bad" : ""} link=${to.view("nodes")} />
      <${Figure} name="workloads degraded" value=${grouped(workloads.degraded ?? 0)} of=${grouped(workloads.total ?? 0)} tone=${workloads.degraded ? "bad" : ""} link=${to.view("workloads")} />
      <${Figure} name="pods unhealthy" value=${grouped(cluster.unhealthy)} of=${grouped(pods.active ?? 0)} tone=${cluster.unhealthy ? "bad" : ""} link=${to.view("unhealthy")} />
      <${Figure} name="pods pending" value=${grouped(waiting)} tone=${waiting ? "warning" : ""} link=${to.view("pending")} />
    </div>
  </section>`;
}
