import type { Schemas } from "../../api/client";

type Dialects = Schemas["EventType"]["dialects"];
/** What is needed of an event type to say whether it is selected. */
export interface Named {
  type: string;
  dialects: Dialects;
}

export interface Family<T extends Named = Schemas["EventType"]> {
  name: string;
  title: string;
  types: T[];
}

const titles: Record<string, string> = {
  call: "Calls",
  leg: "Legs of calls",
  recording: "Recordings",
  conference: "Conferences",
  emergency: "Emergency calls",
  extension: "Extensions",
  ring_group: "Ring groups",
  flow: "Call flows",
  queue: "Queues",
  queuecall: "Callers in queues",
  agent: "Agents",
  message: "Text messages",
  voicemail: "Voicemail",
  fax: "Faxes",
  port: "Ports of numbers",
  number: "Numbers",
  device: "Phones",
  account: "Accounts",
  user: "Users",
  billing: "Billing",
  notification: "Notifications of call flows",
  system: "The phone system",
  webhook: "Webhooks",
  source: "Sources",
  record: "Directory",
};

export const familyOf = (type: string) => type.split(".")[0] ?? "";

export const familyTitle = (name: string) => titles[name] ?? name;

/** The families of the catalogue, in its order. */
export function familiesOf<T extends Named>(types: T[]): Family<T>[] {
  const families = new Map<string, Family<T>>();
  for (const t of types) {
    const name = familyOf(t.type);
    const family = families.get(name) ?? { name, title: familyTitle(name), types: [] };
    family.types.push(t);
    families.set(name, family);
  }
  return [...families.values()];
}

/** Whether an entry of a webhook's events selects a type: * stands for anything, dots too, and DIALECT:NAME is another system's own name. */
export function selects(entry: string, { type, dialects }: Named): boolean {
  const [dialect, name] = entry.split(":");
  if (name !== undefined) {
    return dialects.some((d) => d.dialect === dialect && (glob(name).test(d.name) || d.name.startsWith(name + "/")));
  }
  return glob(entry).test(type);
}

const glob = (text: string) => new RegExp("^" + text.split("*").map(literally).join(".*") + "$");
const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export const selected = <T extends Named>(events: string[], types: T[]) => types.filter((t) => events.some((e) => selects(e, t)));

/** The events with all of a family, or with none of it. What was said of other families stays as it was said. */
export function withFamily(events: string[], name: string, on: boolean, types: Named[]): string[] {
  const others = spelled(events, types, (t) => familyOf(t.type) === name).filter((e) => e !== name + ".*" && familyOf(e) !== name);
  return on ? [...others, name + ".*"] : others;
}

/** The events with a type, or without it. Where all of its family was said, the others are said one by one. */
export function withType(events: string[], type: string, on: boolean, types: Named[]): string[] {
  if (on) {
    const all = [...events.filter((e) => e !== type), type];
    const family = types.filter((t) => familyOf(t.type) === familyOf(type));
    return family.length > 1 && family.every((t) => all.includes(t.type)) ? withFamily(all, familyOf(type), true, types) : all;
  }
  return spelled(events, types, (t) => t.type === type).filter((e) => e !== type);
}

/** Events in which no pattern selects a type of these: such patterns give way to what they stand for. */
function spelled(events: string[], types: Named[], of: (t: Named) => boolean): string[] {
  const out = new Set<string>();
  for (const entry of events) {
    const hit = types.filter((t) => selects(entry, t));
    if (!hit.some(of) || hit.length <= 1) out.add(entry);
    else for (const e of short(hit, of, types)) out.add(e);
  }
  return [...out];
}

function short(hit: Named[], of: (t: Named) => boolean, types: Named[]): string[] {
  return familiesOf(hit).flatMap((f) => {
    const whole = types.filter((t) => familyOf(t.type) === f.name).length === f.types.length;
    return whole && f.types.length > 1 && !f.types.some(of) ? [f.name + ".*"] : f.types.map((t) => t.type);
  });
}

/** Entries that are neither a type nor all of a family: patterns of somebody's own. */
export const patterns = (events: string[], types: Named[]) =>
  events.filter((e) => e !== "*" && !types.some((t) => t.type === e) && !types.some((t) => familyOf(t.type) + ".*" === e));

/** Which events, in few words: All events; Calls, Faxes and 3 more types. */
export function summary(events: string[]): string {
  if (events.includes("*")) return "All events";
  const words = events.map((e) => (e.endsWith(".*") && titles[e.slice(0, -2)] ? titles[e.slice(0, -2)] : e));
  return words.length > 3 ? `${words.slice(0, 2).join(", ")} and ${words.length - 2} more` : words.join(", ");
}
