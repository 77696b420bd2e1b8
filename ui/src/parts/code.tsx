import { lazy, Suspense } from "react";
import { Copy } from "./bits";
import css from "./code.module.css";

// CodeMirror is half of all code here: it comes when something is to be looked at.
const Editor = lazy(() => import("./editor"));
const Merge = lazy(() => import("./merge"));

/** A text with a colour for each kind of word, lines that fold, and a button to copy it. */
export function Code({
  text,
  language = "json",
  label,
  wrap = true,
  lines,
}: {
  text: string;
  language?: "json" | "text";
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
        <pre className={css.plain} tabIndex={0} role="region" aria-label={label}>
          {text}
        </pre>
      ) : (
        <Suspense fallback={<pre className={css.plain}>{text}</pre>}>
          <Editor value={text} label={label} wrap={wrap} lines={lines} />
        </Suspense>
      )}
    </div>
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

/** What differs between two texts. */
export function Diff({ before, after, label }: { before: string; after: string; label: string }) {
  return (
    <div className={css.code}>
      <Suspense fallback={<pre className={css.plain}>{after}</pre>}>
        <Merge before={before} after={after} label={label} />
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
