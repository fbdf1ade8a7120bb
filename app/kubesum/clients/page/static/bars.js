// Gauges and marks as elements: what is requested, used and limited, of what is allocatable.

import { html } from "htm/preact";

const MARKS = { good: "●", idle: "○", warning: "▲", bad: "✗" };

// A value with the mark of its tone, never the colour alone.
export function Toned({ tone, children }) {
  return html`<span class=${`tone ${tone}`}><span aria-hidden="true">${MARKS[tone]} </span>${children}</span>`;
}

const width = (share) => ({ width: `${Math.min(100, Math.max(0, share))}%` });

export function Bar({ gauge, label }) {
  const { requested, used, limited } = gauge;
  return html`<span class="bar" title=${label}>
    ${requested !== null && html`<span class="requested" style=${width(requested)}></span>`}
    ${used !== null && used > (requested ?? 0) && html`<span class="over" style=${width(used)}></span>`}
    ${used !== null && html`<span class="used" style=${width(Math.min(used, requested ?? 0))}></span>`}
    ${limited !== null && html`<span class="limit" style=${{ left: `calc(${Math.min(100, limited)}% - 1px)` }}></span>`}
  </span>`;
}

export function sentence({ requested, used, limited }) {
  const parts = [[requested, "requested"], [used, "used"], [limited, "limits"]];
  return parts.filter(([share]) => share !== null).map(([share, word]) => `${share}% ${word}`).join(", ") || "unknown";
}

// Reasons and how often each occurs, as bars of one scale.
export function Reasons({ entries, tone = "warning", link }) {
  const most = Math.max(1, ...entries.map(({ count }) => count));
  return html`<table class="reasons"><caption class="unseen">Reasons, and how many pods each concerns</caption><tbody>
    ${entries.map(({ reason, count }) => html`<tr key=${reason}>
      <th scope="row">${link ? html`<a href=${link(reason)}>${reason}</a>` : reason}</th>
      <td class="right">${count}</td>
      <td class="scale" aria-hidden="true"><span class=${tone} style=${{ width: `${(100 * count) / most}%` }}></span></td>
    </tr>`)}
  </tbody></table>`;
}
