import { type ReactNode, useState } from "react";
import { Copy } from "../../parts/bits";
import { type Document, inner, kind, resolve, type Schema } from "./document";
import css from "./reference.module.css";

/** The little Markdown that the document has: paragraphs, **bold** and `code`. */
export function Prose({ text }: { text?: string }) {
  return (text ?? "")
    .split("\n\n")
    .filter(Boolean)
    .map((paragraph, i) => <p key={i}>{inline(paragraph)}</p>);
}

export const inline = (text: string): ReactNode[] =>
  text
    .split(/(\*\*[^*]+\*\*|`[^`]+`)/)
    .map((piece, i) =>
      piece.startsWith("**") ? (
        <strong key={i}>{piece.slice(2, -2)}</strong>
      ) : piece.startsWith("`") ? (
        <code key={i}>{piece.slice(1, -1)}</code>
      ) : (
        piece
      ),
    );

/** A piece of JSON or of a shell, with a colour for each kind of word. */
export function Snippet({ title, text, language = "json" }: { title: ReactNode; text: string; language?: "json" | "shell" }) {
  return (
    <figure className={css.snippet}>
      <figcaption>
        <span className="grow truncate">{title}</span>
        <Copy text={text} label="Copy" />
      </figcaption>
      {/* It scrolls: the keyboard has to reach it. */}
      <pre tabIndex={0} role="region" aria-label={typeof title === "string" ? title : "Example"}>
        {language === "json" ? coloured(text) : text}
      </pre>
    </figure>
  );
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?/g;

function coloured(text: string): ReactNode[] {
  const out: ReactNode[] = [];
  let last = 0;
  for (const m of text.matchAll(token)) {
    out.push(text.slice(last, m.index));
    const [all, string, colon] = m;
    if (string) {
      out.push(
        <span key={m.index} className={colon ? css.key : css.string}>
          {string}
        </span>,
        colon ?? "",
      );
    } else {
      out.push(
        <span key={m.index} className={css.literal}>
          {all}
        </span>,
      );
    }
    last = m.index + all.length;
  }
  out.push(text.slice(last));
  return out;
}

interface FieldProps {
  d: Document;
  name: string;
  schema: Schema;
  where?: string;
  required?: boolean;
  about?: string;
  depth?: number;
}

/** One parameter, or one member of an object, with those below it when they are asked for. */
export function FieldRow({ d, name, schema, where, required, about, depth = 0 }: FieldProps) {
  const s = resolve(d, schema);
  const choices = s.enum?.filter((e) => e !== null && e !== "");
  const below = inner(d, schema);
  const bounds = [
    s.default !== undefined && s.default !== null && `default ${JSON.stringify(s.default)}`,
    s.minimum !== undefined && `at least ${s.minimum}`,
    s.maximum !== undefined && `at most ${s.maximum}`,
    s.maxLength !== undefined && `at most ${s.maxLength} characters`,
    s.pattern && `matches ${s.pattern}`,
  ].filter(Boolean);
  return (
    <li className={css.field}>
      <div className={css.fieldHead}>
        <code className={css.fieldName}>{name}</code>
        <span className={css.kind}>{where ? `${where}, ${kind(d, schema)}` : kind(d, schema)}</span>
        {required && <span className={css.need}>required</span>}
      </div>
      {choices && (
        <div className={css.choices}>
          {choices.map((c) => (
            <code key={String(c)}>{String(c)}</code>
          ))}
        </div>
      )}
      <div className={css.about}>
        <Prose text={about ?? schema.description ?? s.description} />
        {bounds.length > 0 && <p className={css.bounds}>{bounds.join(" · ")}</p>}
      </div>
      {depth < 6 && below.properties && Object.keys(below.properties).length > 0 && (
        <Fold title={`Fields of ${name}`}>{() => <Fields d={d} schema={below} depth={depth + 1} />}</Fold>
      )}
    </li>
  );
}

/** The members of an object: what has to be there first. */
export function Fields({ d, schema, depth = 0 }: { d: Document; schema: Schema; depth?: number }) {
  const s = inner(d, schema);
  const need = new Set(s.required);
  const members = Object.entries(s.properties ?? {}).toSorted(([a], [b]) => Number(need.has(b)) - Number(need.has(a)));
  return (
    <ul className={css.fields}>
      {members.map(([name, m]) => (
        <FieldRow key={name} d={d} name={name} schema={m} required={need.has(name)} depth={depth} />
      ))}
    </ul>
  );
}

/** Something that is made when it is asked for. */
export function Fold({ title, children }: { title: ReactNode; children: () => ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <details className={css.fold} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{title}</summary>
      {open && children()}
    </details>
  );
}
