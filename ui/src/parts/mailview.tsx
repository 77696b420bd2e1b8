import { Paperclip } from "lucide-react";
import { useState } from "react";
import type { Schemas } from "../api/client";
import { Segments } from "./field";
import { MailFrame } from "./mailframe";
import { Facts } from "./page";
import css from "./mailframe.module.css";

type Message = Omit<Schemas["MailMessage"], "template">;

/** A mail: what is above it, and its body as its reader sees it. */
export function MailView({ message: m, src, height }: { message: Message; src?: string; height?: number }) {
  const [as, show] = useState<"html" | "text">("html");
  const list = (of: string[] | undefined) => (of?.length ? <span dir="auto">{of.join(", ")}</span> : undefined);
  const html = Boolean(m.html && src);
  const choice = (
    <Segments<"html" | "text">
      label="Body as"
      value={as}
      onChange={show}
      options={[
        { value: "html", label: "HTML" },
        { value: "text", label: "Text" },
      ]}
    />
  );
  return (
    <article className={css.mail} aria-label="The mail">
      <header className={css.mailHead}>
        <p className={css.subject} dir="auto">
          {m.subject || <span className="muted">No subject</span>}
        </p>
        <Facts
          items={[
            ["From", list(m.from ? [m.from] : [])],
            ["To", list(m.to) ?? <span className="muted">nobody</span>],
            ["Cc", list(m.cc)],
            ["Bcc", list(m.bcc)],
            ["Answers to", list(m.reply_to)],
          ]}
        />
        {!!m.attachments?.length && (
          <ul className={css.attachments} aria-label="Attachments">
            {m.attachments.map((a) => (
              <li key={a.name} title={a.type}>
                <Paperclip size={14} aria-hidden />
                <span className="truncate">{a.name}</span>
              </li>
            ))}
          </ul>
        )}
      </header>
      {html && as === "html" && src ? (
        <MailFrame src={src} title="The mail’s HTML" height={height} beside={choice} />
      ) : (
        <div className="stack" style={{ "--gap": "var(--s3)" } as never}>
          {html && <div className="row wrap">{choice}</div>}
          <pre
            className={css.plainMail}
            tabIndex={0}
            role="region"
            aria-label="The mail’s text"
            style={{ minHeight: html ? (height ?? 560) : undefined }}
            dir="auto"
          >
            {m.text || "It has no text part."}
          </pre>
        </div>
      )}
    </article>
  );
}
