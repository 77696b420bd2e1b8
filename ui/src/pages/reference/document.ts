// The parts of an OpenAPI 3.1 document that the page shows.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: { [name: string]: Schema };
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
}

interface Content {
  [mediaType: string]: { schema?: Schema };
}

export interface Operation {
  operationId: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: { [scheme: string]: unknown }[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: Schema; example?: unknown }[];
  requestBody?: { required?: boolean; content?: Content };
  responses: { [status: string]: { description: string; content?: Content } };
}

export interface Document {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: { [path: string]: { [method: string]: Operation } };
  webhooks?: { [type: string]: { post: Operation } };
  components: { schemas: { [name: string]: Schema } };
}

export interface Call {
  method: string;
  path: string;
  operation: Operation;
}

export interface Section {
  name: string;
  about?: string;
  calls: Call[];
}

/** The operations by tag, in the order of the document's tags; each stands under its first one. */
export function sections(d: Document): Section[] {
  const order = ["get", "post", "put", "patch", "delete"];
  const byTag = new Map<string, Call[]>();
  for (const [path, methods] of Object.entries(d.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "Other";
      byTag.set(tag, [...(byTag.get(tag) ?? []), { method, path, operation }]);
    }
  }
  const known = d.tags ?? [];
  const rest = [...byTag.keys()].filter((t) => !known.some((k) => k.name === t)).map((name) => ({ name, description: undefined }));
  return [...known, ...rest].flatMap(({ name, description }) => {
    const calls = byTag.get(name);
    if (!calls) return [];
    calls.sort(
      (a, b) =>
        a.path.split("/").length - b.path.split("/").length ||
        a.path.localeCompare(b.path) ||
        order.indexOf(a.method) - order.indexOf(b.method),
    );
    return [{ name, about: description, calls }];
  });
}

export const nameOf = (ref: string) => ref.slice(ref.lastIndexOf("/") + 1);

/** A schema with what its $ref names; what stands beside the $ref counts more. */
export function resolve(d: Document, s: Schema | undefined): Schema {
  if (!s?.$ref) return s ?? {};
  const { $ref, ...own } = s;
  return { ...d.components.schemas[nameOf($ref)], ...own };
}

const typesOf = (s: Schema) => [s.type ?? []].flat().filter((t) => t !== "null");

/** What a value is, in a few words. */
export function kind(d: Document, s: Schema): string {
  if (s.oneOf ?? s.anyOf) return (s.oneOf ?? s.anyOf ?? []).map((o) => kind(d, o)).join(" or ");
  if (s.$ref) return kind(d, resolve(d, s));
  if (s.const !== undefined) return JSON.stringify(s.const);
  if (s.enum) return "one of";
  if (s.format === "date-time") return "time";
  const types = typesOf(s).map((t) => {
    if (t === "array") return `list of ${kind(d, s.items ?? {})}`.replace(/^list of (\w+)$/, "list of $1s").replace(/ys$/, "ies");
    if (t === "object" && typeof s.additionalProperties === "object" && !s.properties) return "object by name";
    return t;
  });
  return types.join(" or ") || "any";
}

/** The object whose members are worth showing: a list's items, an object's values, or itself. */
export function inner(d: Document, s: Schema | undefined): Schema {
  let at = resolve(d, s);
  for (let i = 0; i < 5; i++) {
    if (at.properties) return at;
    if (at.items) at = resolve(d, at.items);
    else if (typeof at.additionalProperties === "object") at = resolve(d, at.additionalProperties);
    else if (at.oneOf)
      at = resolve(
        d,
        at.oneOf.map((o) => inner(d, o)).find((o) => o.properties),
      );
    else return at;
  }
  return at;
}

export const contentOf = (content: Content | undefined) => {
  const [mediaType, c] = Object.entries(content ?? {})[0] ?? [];
  return mediaType ? { mediaType, schema: c?.schema } : undefined;
};
