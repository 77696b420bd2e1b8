import { useState } from "react";
import type { Macro } from "../../api/mail";
import { Copy } from "../../parts/bits";
import { SearchInput } from "../../parts/field";
import css from "./editor.module.css";

/** What can be put into a template: with what it means, and what it is in the sample. */
export function Macros({ macros, onPick }: { macros: Macro[]; onPick?(text: string): boolean }) {
  const [q, setQ] = useState("");
  const [lost, setLost] = useState(false);
  const words = q.toLowerCase().split(/\s+/);
  const found = macros.filter((m) => words.every((w) => `${m.name} ${m.meaning} ${m.sample ?? ""}`.toLowerCase().includes(w)));
  return (
    <div className="stack" style={{ "--gap": "var(--s3)" } as never}>
      <SearchInput label="Search macros" value={q} onSearch={setQ} />
      {onPick && (
        <p className="muted small" role="status">
          {lost ? "Click into the subject or the body first: it goes where the cursor is." : "A click puts one where the cursor is."}
        </p>
      )}
      <ul className={css.macros}>
        {found.map((m) => (
          <li key={m.name}>
            {onPick ? (
              <button type="button" className={css.macro} onClick={() => setLost(!onPick(`{{ ${m.name} }}`))}>
                <Said macro={m} />
              </button>
            ) : (
              <div className={css.macro}>
                <Said macro={m} />
              </div>
            )}
            <Copy text={`{{ ${m.name} }}`} label={`Copy ${m.name}`} />
          </li>
        ))}
      </ul>
      {!found.length && <p className="muted">No macro is like that.</p>}
    </div>
  );
}

function Said({ macro: m }: { macro: Macro }) {
  return (
    <>
      <code>{m.name}</code>
      <span>{m.meaning}</span>
      {m.sample && (
        <span className={css.sample} dir="auto">
          {m.sample}
        </span>
      )}
    </>
  );
}
