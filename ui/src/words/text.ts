// Numbers, phone numbers and names, as people read them.

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const grouped = new Intl.NumberFormat("en");

/** A count: 950, 12,400 or, where there is little room, 12.4K. */
export const count = (n: number, compact = false) => (compact && n >= 10_000 ? short : grouped).format(n);

/** A rate: 0, 0.4, 12, 1,204. */
export const rate = (n: number) => (n > 0 && n < 10 ? (Math.round(n * 10) / 10).toString() : grouped.format(Math.round(n)));

/** A share of 1: 99.98 %, never rounded up to 100 where something failed. */
export function percent(part: number): string {
  if (part >= 1) return "100\u00a0%";
  const p = Math.floor(part * 10_000) / 100;
  return (p >= 99 ? p.toFixed(2).replace(/\.?0+$/, "") : p.toFixed(1).replace(/\.0$/, "")) + "\u00a0%";
}

/** A phone number with the gaps that make it readable. Only North American ones have gaps that are the same everywhere. */
export function phone(number: string): string {
  const nanp = /^\+?1?(\d{3})(\d{3})(\d{4})$/.exec(number);
  if (nanp && /^\+1|^1?\d{10}$/.test(number)) return `+1 ${nanp[1]} ${nanp[2]} ${nanp[3]}`;
  return number;
}

/** A size in bytes: 120 B, 4.1 kB. */
export function bytes(n: number): string {
  if (n < 1000) return n + " B";
  if (n < 1_000_000) return (n / 1000).toFixed(1) + " kB";
  return (n / 1_000_000).toFixed(1) + " MB";
}

export const plural = (n: number, one: string, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

const families: Record<string, string> = {
  call: "call",
  leg: "call",
  recording: "call",
  conference: "call",
  emergency: "call",
  flow: "call",
  queue: "queue",
  queuecall: "queue",
  agent: "queue",
  ring_group: "queue",
  message: "message",
  voicemail: "voicemail",
  fax: "fax",
  user: "people",
  extension: "people",
  device: "people",
  account: "people",
  number: "number",
  port: "number",
  billing: "number",
};

/** The CSS colour of an event type's family. */
export const familyColour = (type: string) => `var(--family-${families[type.split(".")[0] ?? ""] ?? "system"})`;
