import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { Problem } from "../../api/client";
import { templates } from "../../api/mail";
import { type Insert, TemplateInput } from "../../parts/code";
import { Choices, Field, Input, Segments, TextArea } from "../../parts/field";
import { markOf } from "../templates/draft";
import { Macros } from "../templates/macros";
import type { Update } from "./draft";
import css from "./update.module.css";

interface Props {
  update: Update;
  set(change: Partial<Update>): void;
  owner: string;
  problem?: Problem;
}

/** What it says. */
export function Content({ update: u, set, owner, problem }: Props) {
  return (
    <div className="stack">
      <Choices<Update["kind"]>
        legend="How it is made"
        columns={3}
        value={u.kind}
        onChange={(kind) => set({ kind })}
        options={[
          { value: "design", label: "In your design", hint: "Plain words, in the template “Customer update”." },
          { value: "own", label: "As HTML", hint: "All of it your own, with macros." },
        ]}
      />
      {u.kind === "design" ? (
        <>
          <Field label="Subject">
            {(w) => <Input {...w} dir="auto" value={u.subject} onChange={(e) => set({ subject: e.target.value })} />}
          </Field>
          <Field label="Message">
            {(w) => <TextArea {...w} dir="auto" rows={8} value={u.message} onChange={(e) => set({ message: e.target.value })} />}
          </Field>
          <Field label="Link" optional hint="Shown below the message, as a button or as “Read more”.">
            {(w) => <Input {...w} type="url" placeholder="https://…" value={u.link} onChange={(e) => set({ link: e.target.value })} />}
          </Field>
        </>
      ) : (
        <OwnContent update={u} set={set} owner={owner} problem={problem} />
      )}
    </div>
  );
}

function OwnContent({ update: u, set, owner, problem }: Props) {
  const [of, show] = useState<"html" | "text">("html");
  const insert = useRef<Insert>(null);
  const template = useQuery({
    queryKey: ["template", "macros", owner, "customer_update"],
    queryFn: () => templates.get("customer_update", owner),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const wrong = (name: string) => markOf(problem?.about(name) ?? problem?.about("data.notification." + name));
  const onFocus = (how: Insert) => {
    insert.current = how;
  };
  return (
    <>
      <div className="stack" style={{ "--gap": "6px" } as never}>
        <span className={css.label}>Subject</span>
        <TemplateInput
          label="Subject"
          language="line"
          value={u.subject}
          onChange={(subject) => set({ subject })}
          onFocus={onFocus}
          {...wrong("subject")}
        />
      </div>
      <div className="stack" style={{ "--gap": "6px" } as never}>
        <div>
          <Segments<"html" | "text">
            label="Body"
            value={of}
            onChange={show}
            options={[
              { value: "html", label: "HTML" },
              { value: "text", label: "Text" },
            ]}
          />
        </div>
        <TemplateInput
          key={of}
          label={of === "html" ? "HTML" : "Text"}
          language={of}
          lines={12}
          value={u[of]}
          onChange={(v) => set({ [of]: v })}
          onFocus={onFocus}
          {...wrong(of)}
        />
        <p className="muted small">Write both: some read mails as text alone.</p>
      </div>
      {template.data && (
        <details className={css.macros}>
          <summary>Macros</summary>
          <Macros macros={template.data.template.macros} onPick={(text) => insert.current?.(text) ?? false} />
        </details>
      )}
    </>
  );
}
