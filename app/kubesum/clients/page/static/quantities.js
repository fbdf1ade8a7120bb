// Kubernetes quantities as numbers (k8s.io/apimachinery/pkg/api/resource), and numbers as people read them.

const SCALE = {
  "": 1, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};
const GROUPED = new Intl.NumberFormat("en-US");
const FORM = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]{0,2})$/;

// The number that a quantity stands for, in cores, bytes or pieces; 0 for an absent one.
export function quantity(text) {
  return text === undefined || text === null ? 0 : parsed(String(text)) || 0;
}

function parsed(text) {
  const match = FORM.exec(text);
  return match && match[2] in SCALE ? Number(match[1]) * SCALE[match[2]] : NaN;
}

// What a text measures, to sort by: a number, a quantity, a percentage, or how much of "part/whole" there is; else NaN.
export function measured(text) {
  const [part, whole, ...others] = text.split("/");
  if (whole !== undefined) return others.length ? NaN : Number(whole) ? Number(part) / Number(whole) : Number(part) + 1;
  return parsed(text.endsWith("%") ? text.slice(0, -1) : text);
}

// Cores: 250m, 2.5, 480.
export function cores(number) {
  if (number === 0) return "0";
  if (number < 0.9995) return `${Math.round(number * 1000)}m`;
  return number < 9.95 ? number.toFixed(1) : grouped(Math.round(number));
}

// Bytes: 404Mi, 64.5Gi, 1.2Ti.
export function bytes(number) {
  let unit = 0;
  while (number >= 1024 && unit < 6) {
    number /= 1024;
    unit += 1;
  }
  const digits = number < 9.95 && unit > 2 ? 1 : 0;
  return `${number.toFixed(digits)}${["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][unit]}`;
}

export function grouped(number) {
  return GROUPED.format(number);
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${share}%`;
}

// An age as kubectl prints it (k8s.io/apimachinery/pkg/util/duration, HumanDuration).
export function age(since, now) {
  if (!since) return "–";
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return hours % 24 ? `${days}d${hours % 24}h` : `${days}d`;
  if (days < 730) return `${days}d`;
  return `${Math.floor(days / 365)}y`;
}

const UNITS = { y: 365 * 86400, d: 86400, h: 3600, m: 60, s: 1 };

// The seconds of such an age, null for any other text.
export function seconds(text) {
  if (!/^(?:[0-9]+[ydhms])+$/.test(text)) return null;
  return [...text.matchAll(/([0-9]+)([ydhms])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit], 0);
}
