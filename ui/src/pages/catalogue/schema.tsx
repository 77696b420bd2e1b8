import { ChevronRight } from "lucide-react";
import { useState } from "react";
import css from "./catalogue.module.css";

/** What is read of a JSON Schema. */
export interface Schema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  format?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
}

/** A schema's type in words: text, a list of text, one of these. */
export function kindOf(s: Schema): string {
  const types = [s.type ?? []].flat().filter((t) => t !== "null");
  if (s.anyOf)
    return s.anyOf
      .map(kindOf)
      .filter((k, i, all) => k && all.indexOf(k) === i)
      .join(" or ");
  const [type] = types;
  switch (type) {
    case "string":
      return s.format === "date-time" ? "time" : s.format === "uri" ? "URL" : "text";
    case "integer":
      return "whole number";
    case "number":
      return "number";
    case "boolean":
      return "true or false";
    case "array":
      return s.items ? `list of ${plural(kindOf(s.items))}` : "list";
    case "object":
      return "object";
    default:
      return types.length ? types.join(" or ") : "anything";
  }
}

const plural = (kind: string) => ({ object: "objects", time: "times", "whole number": "whole numbers", number: "numbers" })[kind] ?? kind;

/** What is below a member: its own members, or those of what it lists. */
function below(s: Schema): Record<string, Schema> | undefined {
  return (
    s.properties ?? s.items?.properties ?? (typeof s.additionalProperties === "object" ? s.additionalProperties.properties : undefined)
  );
}

interface Row {
  path: string;
  name: string;
  depth: number;
  schema: Schema;
  required: boolean;
  parent: boolean;
}

/** The rows of a schema of which these members are open. */
export function rowsOf(schema: Schema, open: ReadonlySet<string>, path = "", depth = 0): Row[] {
  return Object.entries(below(schema) ?? {}).flatMap(([name, s]) => {
    const at = path ? path + "." + name : name;
    const row = { path: at, name, depth, schema: s, required: schema.required?.includes(name) ?? false, parent: below(s) !== undefined };
    return [row, ...(open.has(at) ? rowsOf(s, open, at, depth + 1) : [])];
  });
}

/** A JSON Schema as a table: each member, what it is and what it means. */
export function SchemaTable({ schema }: { schema: Schema }) {
  // What the event is about is open; the rest at a press.
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(Object.keys(schema.properties ?? {}).slice(0, 1)));
  const toggle = (path: string) => {
    const next = new Set(open);
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  };
  return (
    <table className={css.schema} aria-label="What its data has">
      <thead>
        <tr>
          <th scope="col">Member</th>
          <th scope="col">Type</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        {rowsOf(schema, open).map((r) => (
          <tr key={r.path} style={{ "--depth": r.depth } as never}>
            <td>
              {r.parent ? (
                <button type="button" aria-expanded={open.has(r.path)} aria-label={r.path} onClick={() => toggle(r.path)}>
                  <ChevronRight size={16} aria-hidden />
                  {r.name}
                </button>
              ) : (
                <code title={r.path}>{r.name}</code>
              )}
            </td>
            <td>
              {kindOf(r.schema)}
              {r.required && <span className={css.values}>always there</span>}
            </td>
            <td>
              {r.schema.description}
              {values(r.schema) && <span className={css.values}>{values(r.schema)}</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const values = (s: Schema) =>
  (s.enum ?? s.items?.enum)
    ?.filter((v) => v !== null && v !== "")
    .map(String)
    .join(", ");
