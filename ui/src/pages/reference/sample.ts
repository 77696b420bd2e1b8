import { type Call, contentOf, type Document, resolve, type Schema } from "./document";

// What stands for a value of which the document has no example.
const byName: { [name: string]: unknown } = {
  account_id: "acme",
  parent_id: "root",
  name: "CRM",
  url: "https://example.com/hook",
  type: "call.answered",
  types: ["call.*"],
  events: ["call.*"],
  login: "ada@example.com",
  number: "+12025550100",
  call_id: "7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11",
  webhook_id: "wh_06g0c3k7t9",
  event_id: "evt_06g0c3k7t9",
  dialect: "switchhook",
  kind: "kazoo",
  schema: "number",
  address: "203.0.113.9",
  timeout: "15s",
  hold: "30s",
  session_for: "1h",
  next_cursor: null,
  value: "5f2b8e0c1d9a4b7e8c3f6a1d2e4b5c7d",
  email: "ada@example.com",
  method: "POST",
  status: 200,
  role: "developer",
  password: "correct horse battery",
};
const ids: { [tag: string]: string } = {
  Webhooks: "wh_06g0c3k7t9",
  Events: "evt_06g0c3k7t9",
  Sources: "pbx",
  Accounts: "acme",
  Records: "did-100",
  "API keys": "key_06g0c3k7t9",
  Users: "usr_06g0c3k7t9",
  Jobs: "job_06g0c3k7t9",
  Calls: "7f3c9a52-6c1e-4f0b-9d37-1f2a8be04c11",
};

/** A value that fits a schema. all: with every member, otherwise with what a first try needs. */
export function sample(d: Document, given: Schema | undefined, all: boolean, name = "", depth = 0): unknown {
  const s = resolve(d, given);
  if (s.examples?.length) return s.examples[0];
  if (s.const !== undefined) return s.const;
  const one = (s.oneOf ?? s.anyOf)?.[0];
  if (one) return sample(d, one, all, name, depth);
  if (name in byName && !s.properties && !s.enum) return byName[name];
  const choice = s.enum?.find((e) => e !== null && e !== "");
  if (choice !== undefined) return s.default ?? choice;
  if (s.default !== undefined && s.default !== null) return s.default;
  const type = [s.type ?? []].flat().find((t) => t !== "null");
  switch (type) {
    case "object": {
      if (depth > 4) return {};
      const members = Object.entries(s.properties ?? {});
      const need = new Set(s.required);
      let shown = all ? members : members.filter(([n, m]) => need.has(n) || resolve(d, m).examples?.length);
      if (!shown.length) shown = members.slice(0, 3);
      return Object.fromEntries(shown.map(([n, m]) => [n, sample(d, m, all, n, depth + 1)]));
    }
    case "array":
      return depth > 4 ? [] : [sample(d, s.items, all, name.replace(/s$/, ""), depth + 1)];
    case "string":
      if (s.format === "date-time") return "2026-01-31T15:04:05Z";
      if (name === "id" || name.endsWith("_id")) return `${name.replace(/_?id$/, "") || "evt"}_06g0c3k7t9`;
      return name.endsWith("_at") ? "2026-01-31T15:04:05Z" : "…";
    case "integer":
    case "number":
      return s.minimum ?? 1;
    case "boolean":
      return true;
    default:
      return {};
  }
}

const quoted = (text: string) => text.replaceAll("'", String.raw`'\''`);

/** The request as one would try it in a shell. */
export function curl(d: Document, { method, path, operation: op }: Call, origin: string): string {
  const at = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    name === "id" ? (ids[op.tags?.[0] ?? ""] ?? "ID") : String(byName[name] ?? name.toUpperCase()),
  );
  const query = (op.parameters ?? [])
    .filter((p) => p.in === "query" && p.required)
    .map((p) => `${p.name}=${encodeURIComponent(String(p.example ?? sample(d, p.schema, false, p.name)))}`);
  const lines = [
    `curl -sS ${method === "get" ? "" : `-X ${method.toUpperCase()} `}'${origin}${at}${query.length ? "?" + query.join("&") : ""}'`,
  ];
  if (op.security?.some((s) => "key" in s)) lines.push(`-H "Authorization: Bearer $SWITCHHOOK_KEY"`);
  const body = contentOf(op.requestBody?.content);
  if (body) {
    if (!body.mediaType.includes("*")) lines.push(`-H 'Content-Type: ${body.mediaType}'`);
    lines.push(`-d '${quoted(JSON.stringify(sample(d, body.schema, false), null, 2))}'`);
  }
  return lines.join(" \\\n  ");
}

/** What comes back where all is well. */
export function answer(d: Document, { operation: op }: Call): { status: string; about: string; text?: string } {
  const [status, response] = Object.entries(op.responses).find(([s]) => s.startsWith("2") || s.startsWith("3")) ?? ["", undefined];
  const content = contentOf(response?.content);
  const json = content && /json/.test(content.mediaType);
  return { status, about: response?.description ?? "", text: json ? JSON.stringify(sample(d, content.schema, true), null, 2) : undefined };
}
