import { lazy, Suspense } from "react";
import { Copy } from "./bits";
import css from "./code.module.css";

// CodeMirror is half of all code here: it comes when something is to be looked at.
const Editor = lazy(() => import("./editor"));
const Merge = lazy(() => import("./merge"));

/** Something that is wrong at a place of a text: lines and columns are counted from 1. */
export interface Mark {
  line: number;
  column: number;
  message: string;
}

/** Puts a text where the cursor is. False: the editor is gone. */
export type Insert = (text: string) => boolean;

export interface EditorProps {
  value: string;
  onChange?(v: string): void;
  label: string;
  wrap?: boolean;
  /** The least lines that are shown. */
  lines?: number;
  /** html and text: with template tags; line: such a text without an end of line. */
  language?: "json" | "html" | "text" | "line";
  marks?: readonly Mark[];
  onFocus?(insert: Insert): void;
}

/** A text with a colour for each kind of word, lines that fold, and a button to copy it. */
export function Code({
  text,
  language = "json",
  label,
  wrap = true,
  lines,
}: {
  text: string;
  language?: "json" | "html" | "text";
  label: string;
  wrap?: boolean;
  lines?: number;
}) {
  return (
    <div className={css.code}>
      <div className={css.copy}>
        <Copy text={text} label={`Copy ${label}`} />
      </div>
      {language === "text" || text.length > 300_000 ? (
        <Plain text={text} label={label} />
      ) : (
        <Suspense fallback={<Plain text={text} label={label} />}>
          <Editor value={text} label={label} wrap={wrap} lines={lines} language={language} />
        </Suspense>
      )}
    </div>
  );
}

/** A text as it is: for good, or until the editor is there. It scrolls, so the keyboard gets there. */
function Plain({ text, label }: { text: string; label: string }) {
  return (
    <pre className={css.plain} tabIndex={0} role="region" aria-label={label}>
      {text}
    </pre>
  );
}

/** JSON that is written by hand. */
export function JsonInput({
  value,
  onChange,
  label,
  lines = 8,
}: {
  value: string;
  onChange(v: string): void;
  label: string;
  lines?: number;
}) {
  return (
    <div className={css.code} data-input>
      <Suspense fallback={<textarea className={css.plain} value={value} onChange={(e) => onChange(e.target.value)} aria-label={label} />}>
        <Editor value={value} onChange={onChange} label={label} wrap lines={lines} />
      </Suspense>
    </div>
  );
}

/** A template that is written by hand, with what is wrong with it at its place and in words. */
export function TemplateInput({ lines = 1, marks, wrong, ...rest }: EditorProps & { wrong?: string }) {
  const said = marks?.map((m) => (rest.language === "line" ? m.message : `Line ${m.line}, column ${m.column}: ${m.message}`)) ?? [];
  return (
    <div>
      <div className={css.code} data-input data-wrong={said.length > 0 || wrong ? "" : undefined} style={{ minHeight: lines * 19 + 22 }}>
        <Suspense
          fallback={
            <textarea className={css.plain} value={rest.value} onChange={(e) => rest.onChange?.(e.target.value)} aria-label={rest.label} />
          }
        >
          <Editor {...rest} lines={lines} marks={marks} wrap />
        </Suspense>
      </div>
      <div role="status">
        {[...said, ...(wrong ? [wrong] : [])].map((text) => (
          <p key={text} className={css.wrong}>
            {text}
          </p>
        ))}
      </div>
    </div>
  );
}

/** What differs between two texts. */
export function Diff({
  before,
  after,
  label,
  language,
}: {
  before: string;
  after: string;
  label: string;
  language?: EditorProps["language"];
}) {
  return (
    <div className={css.code}>
      <Suspense fallback={<Plain text={after} label={label} />}>
        <Merge before={before} after={after} label={label} language={language} />
      </Suspense>
    </div>
  );
}

/** Whether a text is an object or a list in JSON, by its first sign. */
export const looksLikeJson = (text: string) => /^\s*[{[]/.test(text);

/** JSON as people read it; what is none, as it is. */
export function pretty(text: string): string {
  try {
    // Numbers keep their digits: they are not parsed.
    return indent(text);
  } catch {
    return text;
  }
}

function indent(text: string): string {
  JSON.parse(text);
  let out = "";
  let depth = 0;
  const line = () => "\n" + "  ".repeat(depth);
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "{" || token === "[") {
      depth++;
      out += token + line();
    } else if (token === "}" || token === "]") {
      depth--;
      out = /[{[]\s*$/.test(out) ? out.trimEnd() + token : out + line() + token;
    } else if (token === ",") out += token + line();
    else if (token === ":") out += ": ";
    else out += token;
  }
  return out;
}
