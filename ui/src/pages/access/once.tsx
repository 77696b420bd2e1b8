import type { ReactNode } from "react";
import { Copy } from "../../parts/bits";
import { Note } from "../../parts/page";
import css from "./access.module.css";

/** A secret that is shown this once. */
export function Once({ secret, label, children }: { secret: string; label: string; children: ReactNode }) {
  return (
    <div className="stack">
      <Note kind="warn">{children}</Note>
      <div className={css.once}>
        <code aria-label={label}>{secret}</code>
        <Copy text={secret} label={`Copy ${label}`} />
      </div>
    </div>
  );
}
