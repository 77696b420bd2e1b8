import { type FormEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { Problem } from "../../../api/client";
import { Button } from "../../../parts/button";
import { Card, Failure } from "../../../parts/page";
import { Advanced, advancedFields } from "./advanced";
import type { Draft } from "./draft";
import { type Form, FormProvider, type Shown, usePreview } from "./state";
import { PreviewPane } from "./pane";
import { Shape } from "./shape";
import { Where } from "./where";
import { Which } from "./which";
import css from "./form.module.css";

interface Props {
  first: Draft;
  /** Saves it; what it throws is shown at its fields. */
  save(draft: Draft): Promise<void>;
  action: string;
  cancel: ReactNode;
  editing?: boolean;
  /** Above the fields. */
  notice?: ReactNode;
  /** Whether there is anything to save. */
  changed?(draft: Draft): boolean;
}

/** All that a webhook can be told, in three steps on one page, with the request that comes of it beside. */
export function WebhookForm({ first, save, action, cancel, editing = false, notice, changed }: Props) {
  const [draft, setDraft] = useState(first);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [shown, show] = useState<Shown>({});
  const form = useRef<HTMLFormElement>(null);
  const advanced = useRef<HTMLDetailsElement>(null);
  const preview = usePreview(draft, shown);
  const problem = refused instanceof Problem ? refused : undefined;
  const dirty = changed ? changed(draft) : JSON.stringify(draft) !== JSON.stringify(first);

  const error: Form["error"] = (field, always) => {
    const said = problem?.about(field);
    if (said) return said;
    if (!(always || tried || [...left].some((l) => l === field || l.startsWith(field + ".")))) return undefined;
    return preview.problem?.about("webhook." + field);
  };
  const value: Form = {
    draft,
    editing,
    error,
    preview,
    set: (change) => {
      setDraft((d) => ({ ...d, ...change }));
      if (problem) setRefused(without(problem, change));
    },
  };
  const wrongAdvanced = advancedFields.some((f) => error(f));
  useEffect(() => {
    if (wrongAdvanced && advanced.current) advanced.current.open = true;
  }, [wrongAdvanced]);
  const others = problem ? problem.fields.length === 0 : refused !== undefined;

  useUnsaved(dirty && !busy);
  useLeft(form, (name) => setLeft((l) => (l.has(name) ? l : new Set(l).add(name))));

  async function submit(e: FormEvent) {
    e.preventDefault();
    setBusy(true);
    setRefused(undefined);
    try {
      await save(draft);
    } catch (why) {
      setRefused(why);
      setTried(true);
      if (advanced.current && why instanceof Problem && why.fields.some((f) => advancedFields.some((a) => f.field.startsWith(a)))) {
        advanced.current.open = true;
      }
      // The first field that is wrong is where to go on.
      setTimeout(() => {
        const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid]");
        wrong?.focus();
        wrong?.scrollIntoView({ block: "center" });
      }, 50);
    } finally {
      setBusy(false);
    }
  }

  return (
    <FormProvider value={value}>
      <form ref={form} className={css.form} noValidate onSubmit={(e) => void submit(e)}>
        <div className={css.steps}>
          {notice}
          <Step n={1} title="Where" lead="The program that is to be told, and how it knows that it is us.">
            <Where />
          </Step>
          <Step n={2} title="Which events" lead="What it hears of. Less is quicker to understand.">
            <Which />
          </Step>
          <Step n={3} title="Which shape" lead="How each event looks when it arrives.">
            <Shape />
          </Step>
          <details ref={advanced} className={css.advanced}>
            <summary>
              <h2>Advanced</h2>
              <span className="muted small">Retries, timeouts, order, limits, masks, signature, certificates. All have good defaults.</span>
            </summary>
            <div className={css.advancedBody}>
              <Advanced />
            </div>
          </details>
          {others && <Failure error={refused} />}
          <div className={css.foot}>
            <Button kind="primary" type="submit" busy={busy} disabled={editing && !dirty}>
              {action}
            </Button>
            {cancel}
            {problem && problem.fields.length > 0 && (
              <p className={css.wrong} role="alert">
                {problem.fields.length === 1 ? "One field is not right yet." : `${problem.fields.length} fields are not right yet.`}
              </p>
            )}
            {editing && !dirty && <span className="muted small">Nothing is changed yet.</span>}
          </div>
        </div>
        <PreviewPane shown={shown} show={show} />
      </form>
    </FormProvider>
  );
}

function Step({ n, title, lead, children }: { n: number; title: string; lead: string; children: ReactNode }) {
  return (
    <Card
      title={
        <span className={css.step}>
          <span className={css.number} aria-hidden>
            {n}
          </span>
          {title}
        </span>
      }
      lead={lead}
    >
      {children}
    </Card>
  );
}

// Which of the API's fields a part of the draft is told in, where they are called differently.
const told: Partial<Record<keyof Draft, string>> = {
  account: "account_id",
  subaccounts: "include_subaccounts",
  internalLegs: "include_internal_legs",
  options: "dialect_options",
  customData: "custom_data",
  schedule: "retry",
  tries: "retry",
  maxAge: "max_age",
  rate: "rate_limit",
  concurrency: "max_concurrency",
};

/** A refusal without what it says of fields that were changed since. */
function without(p: Problem, change: Partial<Draft>): Problem {
  const names = (Object.keys(change) as (keyof Draft)[]).map((k) => told[k] ?? k);
  const fields = p.fields.filter((f) => !names.some((n) => f.field === n || f.field.startsWith(n + ".") || f.field.startsWith(n + "[")));
  return new Problem(p.status, p.code, p.message, fields, p.retryAfter);
}

/** Tells which fields were left with something in them: what is wrong with these can be said. */
function useLeft(form: RefObject<HTMLFormElement | null>, tell: (name: string) => void) {
  const told = useRef(tell);
  useEffect(() => {
    told.current = tell;
  });
  useEffect(() => {
    const place = form.current;
    const left = ({ target }: FocusEvent) => {
      const { name, value } = target as HTMLInputElement;
      if (name && value) told.current(name);
    };
    place?.addEventListener("focusout", left);
    return () => place?.removeEventListener("focusout", left);
  }, [form]);
}

/** Asks before the page is left with changes that are not saved. */
function useUnsaved(unsaved: boolean) {
  useEffect(() => {
    if (!unsaved) return undefined;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [unsaved]);
}
