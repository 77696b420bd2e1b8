import { GitCompare, Undo2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Addresses } from "../../api/mail";
import { Badge } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Chips } from "../../parts/chips";
import { Diff, TemplateInput } from "../../parts/code";
import { Check, Input, Segments, Select } from "../../parts/field";
import { Card } from "../../parts/page";
import { inherited, type PartName, partText, partWords, valueOf } from "./draft";
import { useEdited } from "./edited";
import { typeWords, WhoseBadge } from "./words";
import css from "./editor.module.css";

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** A part with its name, whose it is, and the way back to what is inherited. */
function Part({ name, label, children }: { name: PartName; label?: ReactNode; children: ReactNode }) {
  const { template: t, draft, may, set } = useEdited();
  const [comparing, compare] = useState(false);
  const own = draft[name] !== undefined;
  const from = inherited(t, name);
  const code = name === "html" || name === "text" || name === "subject";
  const account = t.inherited?.[name].account_id ?? (t.own[name] === undefined ? t.parts[name].account_id : "");
  // Of a template that is nobody else's, nothing is inherited.
  const back = own && (from !== undefined || !t.custom);
  return (
    <div className={css.part} role="group" aria-label={partWords[name]}>
      <div className={css.partHead}>
        <span className={css.partName}>{label ?? partWords[name]}</span>
        {!(t.custom && own && from === undefined) && <WhoseBadge own={own} account={account} />}
        {!same(draft[name], t.own[name]) && <Badge tone="warn">Not saved</Badge>}
        <span className="grow" />
        {own && code && from !== undefined && (
          <Button size="small" kind="quiet" icon={GitCompare} aria-expanded={comparing} onClick={() => compare(!comparing)}>
            {comparing ? "Hide" : "Compare"}
            <span className="unseen"> {partWords[name]} with what is inherited</span>
          </Button>
        )}
        {may && back && (
          <Button size="small" kind="quiet" icon={Undo2} onClick={() => set(name, undefined)}>
            Revert<span className={css.toInherited}> to inherited</span>
            <span className="unseen">: {partWords[name]}</span>
          </Button>
        )}
      </div>
      {children}
      {comparing && own && from !== undefined && (
        <div className="stack" style={{ "--gap": "var(--s1)" } as never}>
          <p className="muted small">What is inherited is red, what is yours is green.</p>
          <Diff
            label={`${partWords[name]}, compared with what is inherited`}
            language={name === "html" ? "html" : "text"}
            before={partText(from)}
            after={partText(draft[name])}
          />
        </div>
      )}
    </div>
  );
}

/** Whether it is sent at all. */
export function OnOff() {
  const { template: t, draft, may, set } = useEdited();
  const on = valueOf(t, draft, "enabled");
  return (
    <Card>
      <div className="stack">
        <Part
          name="enabled"
          label={
            <Check
              as="switch"
              checked={on}
              disabled={!may}
              onChange={(e) => set("enabled", e.target.checked)}
              label={on ? "It is sent" : "It is off: nobody gets it"}
            />
          }
        >
          {null}
        </Part>
        {t.custom && (
          <Part name="name">
            <Input
              aria-label="Name"
              dir="auto"
              maxLength={200}
              readOnly={!may}
              value={valueOf(t, draft, "name")}
              onChange={(e) => set("name", e.target.value)}
            />
          </Part>
        )}
      </div>
    </Card>
  );
}

/** What it says: the subject, and the body as HTML and as text. */
export function BodyParts() {
  const { template: t, draft, may, set, error, onFocus } = useEdited();
  const [of, show] = useState<"html" | "text">("html");
  const input = (name: "subject" | "html" | "text", lines: number) => (
    <TemplateInput
      key={name}
      label={partWords[name]}
      language={name === "subject" ? "line" : name}
      lines={lines}
      value={valueOf(t, draft, name)}
      onChange={may ? (v) => set(name, v) : undefined}
      onFocus={onFocus}
      {...error(name)}
    />
  );
  const other = of === "html" ? "text" : "html";
  const wrong = error(other);
  return (
    <Card title="What it says">
      <div className="stack">
        <Part name="subject">{input("subject", 1)}</Part>
        <Part
          name={of}
          label={
            <Segments<"html" | "text">
              label="Body"
              value={of}
              onChange={show}
              options={[
                { value: "html", label: "HTML" },
                { value: "text", label: "Text" },
              ]}
            />
          }
        >
          {input(of, 22)}
          {(wrong.marks.length > 0 || wrong.wrong) && (
            <p className={css.wrong}>
              The {partWords[other]} part is not right yet.{" "}
              <button type="button" className={css.link} onClick={() => show(other)}>
                Show it
              </button>
            </p>
          )}
        </Part>
      </div>
    </Card>
  );
}

const typeOptions: Record<"to" | "cc" | "bcc", { value: Addresses["type"]; label: string }[]> = {
  to: [
    { value: "original", label: typeWords.original },
    { value: "admins", label: typeWords.admins },
    { value: "specified", label: typeWords.specified },
  ],
  cc: [
    { value: "original", label: "Whom the event names" },
    { value: "admins", label: typeWords.admins },
    { value: "specified", label: typeWords.specified },
  ],
  bcc: [
    { value: "original", label: "Whom the event names" },
    { value: "admins", label: typeWords.admins },
    { value: "specified", label: typeWords.specified },
  ],
};
const elseWords: Record<Addresses["type"], string> = {
  original: "Else, if there is nobody",
  admins: "Else, if there are none",
  specified: "Addresses",
};

/** Whom it goes to. */
export function Recipients() {
  return (
    <Card title="Who gets it">
      <div className="stack">
        {(["to", "cc", "bcc"] as const).map((name) => (
          <Part key={name} name={name}>
            <Whom name={name} />
          </Part>
        ))}
      </div>
    </Card>
  );
}

function Whom({ name }: { name: "to" | "cc" | "bcc" }) {
  const { template: t, draft, may, set, error } = useEdited();
  const { type, email_addresses = [] } = valueOf(t, draft, name);
  const wrong = error(name);
  const said = wrong.wrong ?? wrong.marks[0]?.message;
  if (!may) {
    return (
      <p>
        {typeOptions[name].find((o) => o.value === type)?.label}
        {email_addresses.length > 0 && `: ${email_addresses.join(", ")}`}
      </p>
    );
  }
  const put = (a: Addresses) => set(name, a.email_addresses?.length ? a : { type: a.type });
  return (
    <>
      <div className={css.whom}>
        <Select
          aria-label={`${partWords[name]}: who`}
          value={type}
          onChange={(e) => put({ type: e.target.value as Addresses["type"], email_addresses })}
          options={typeOptions[name]}
        />
        <div>
          <Chips
            id={`addresses-${name}`}
            values={email_addresses}
            onChange={(list) => put({ type, email_addresses: list })}
            placeholder={elseWords[type]}
            aria-invalid={said ? true : undefined}
            aria-label={`${partWords[name]}: ${elseWords[type].toLowerCase()}`}
          />
        </div>
      </div>
      {said && <p className={css.wrong}>{said}</p>}
    </>
  );
}

/** Whom it comes from. */
export function Sender() {
  const { template: t, draft, may, set, error } = useEdited();
  const line = (name: "from" | "reply_to", placeholder: string) => {
    const wrong = error(name);
    const said = wrong.wrong ?? wrong.marks[0]?.message;
    return (
      <Part name={name}>
        <Input
          aria-label={partWords[name]}
          dir="auto"
          readOnly={!may}
          placeholder={placeholder}
          aria-invalid={said ? true : undefined}
          value={valueOf(t, draft, name)}
          onChange={(e) => set(name, e.target.value)}
        />
        {said && <p className={css.wrong}>{said}</p>}
      </Part>
    );
  };
  return (
    <Card title="Whom it comes from" lead="A name with an address in angle brackets, or an address alone. Macros may be in them.">
      <div className="stack">
        {line("from", "The server’s sender")}
        {line("reply_to", "The sender")}
      </div>
    </Card>
  );
}
