// What an account makes its own of a template, while it is being written.
import type { Addresses, Own, Patch, PreviewInput, Template } from "../../api/mail";
import type { Mark } from "../../parts/code";

export type PartName = keyof Own;
export const partNames = [
  "name",
  "enabled",
  "subject",
  "html",
  "text",
  "to",
  "cc",
  "bcc",
  "from",
  "reply_to",
] as const satisfies PartName[];
export const partWords: Record<PartName, string> = {
  name: "Name",
  enabled: "On or off",
  subject: "Subject",
  html: "HTML",
  text: "Text",
  to: "To",
  cc: "Cc",
  bcc: "Bcc",
  from: "From",
  reply_to: "Reply to",
};

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What a part would be were it not the account's own; undefined: that is not known. */
export function inherited<K extends PartName>(t: Template, name: K): Required<Own>[K] | undefined {
  if (t.inherited) return t.inherited[name].value as Required<Own>[K];
  return t.own[name] === undefined ? (t.parts[name].value as Required<Own>[K]) : undefined;
}

/** What is in force by the draft. */
export const valueOf = <K extends PartName>(t: Template, draft: Own, name: K): Required<Own>[K] =>
  (draft[name] ?? inherited(t, name) ?? t.parts[name].value) as Required<Own>[K];

/** The draft with a part changed. What is as it is inherited, and was not the account's own, does not become it. */
export function changed<K extends PartName>(t: Template, draft: Own, name: K, value: Required<Own>[K] | undefined): Own {
  const { [name]: _, ...rest } = draft;
  if (value === undefined || (t.own[name] === undefined && same(value, inherited(t, name)))) return rest;
  return { ...rest, [name]: value };
}

/** The merge patch from what is saved to the draft; undefined: there is nothing to save. */
export function patchOf(saved: Own, draft: Own): Patch | undefined {
  const names = partNames.filter((n) => !same(saved[n], draft[n]));
  return names.length ? (Object.fromEntries(names.map((n) => [n, draft[n] ?? null])) as Patch) : undefined;
}

/** What a preview has to be told: the parts that nobody has kept yet. */
export function unsaved(t: Template, draft: Own): PreviewInput {
  const names = partNames.filter((n) => n !== "name" && n !== "enabled" && !same(t.own[n], draft[n]));
  return Object.fromEntries(names.map((n) => [n, valueOf(t, draft, n)]));
}

/** My changes, from one version, on top of another. */
export function rebased(from: Own, mine: Own, onto: Own): Own {
  const next: Record<string, unknown> = { ...onto };
  for (const n of partNames) {
    if (same(from[n], mine[n])) continue;
    if (mine[n] === undefined) delete next[n];
    else next[n] = mine[n];
  }
  return next as Own;
}

/** Parts as one text, to be compared. */
export function asText(own: Own): string {
  return partNames
    .filter((n) => own[n] !== undefined)
    .map((n) => `— ${partWords[n]} —\n${partText(own[n])}\n`)
    .join("\n");
}

export const partText = (value: Own[PartName]): string =>
  typeof value === "object" ? addressesText(value) : typeof value === "boolean" ? (value ? "on" : "off") : (value ?? "");

const addressesText = ({ type, email_addresses = [] }: Addresses) => [type, ...email_addresses].join("\n");

/** What the API says is wrong with a part: at its place where it names one. */
export function markOf(said: string | undefined): { marks: Mark[]; wrong?: string } {
  if (!said) return { marks: [] };
  const place = /^line (\d+), column (\d+): (.*)$/s.exec(said);
  return place ? { marks: [{ line: Number(place[1]), column: Number(place[2]), message: place[3] ?? "" }] } : { marks: [], wrong: said };
}
