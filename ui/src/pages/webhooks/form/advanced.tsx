import { Check, Choices, Field, Input, Select, TextArea } from "../../../parts/field";
import type { Draft } from "./draft";
import { useForm } from "./state";
import css from "./advanced.module.css";

/** The fields of the API that are set here, so that the section opens where one of them is wrong. */
export const advancedFields = [
  "retry",
  "timeout",
  "hold",
  "ordering",
  "max_age",
  "rate_limit",
  "max_concurrency",
  "mask",
  "signing",
  "tls",
  "include_internal_legs",
];

/** What has a good default. */
export function Advanced() {
  const { draft, set, error, editing } = useForm();
  const text = (of: "timeout" | "hold" | "maxAge" | "rate" | "concurrency", field: string, label: string, usual: string, hint: string) => (
    <Field label={label} optional hint={hint} error={error(field)}>
      {(wired) => (
        <Input
          {...wired}
          name={field}
          placeholder={usual}
          value={draft[of]}
          onChange={(e) => set({ [of]: e.target.value } as Partial<Draft>)}
        />
      )}
    </Field>
  );
  const masks = (what: string) => (on: boolean) => set({ mask: on ? [...draft.mask, what] : draft.mask.filter((m) => m !== what) });
  return (
    <div className="stack" style={{ "--gap": "var(--s5)" } as never}>
      <Retry />
      <div className={css.grid}>
        {text("timeout", "timeout", "Timeout", "15s", "How long the receiver may take to answer: 1s to 60s.")}
        {text(
          "maxAge",
          "max_age",
          "Oldest age",
          "as the type says",
          "An event that is older is of no use any more and expires: 60s, 6h, 3d.",
        )}
        {text("rate", "rate_limit", "Requests a second", "no limit", "At most, evenly spread: 0.5 is one in two seconds. The rest waits.")}
        {text("concurrency", "max_concurrency", "Requests at once", "16", "At most so many are under way at the same time.")}
        <Field
          label="Order"
          error={error("ordering")}
          hint="In order, the events of one call wait for one another. Without, each goes as soon as it can."
        >
          {(wired) => (
            <Select
              {...wired}
              name="ordering"
              value={draft.ordering}
              onChange={(e) => set({ ordering: e.target.value })}
              options={[
                { value: "", label: "In order, call by call (default)" },
                { value: "none", label: "In any order" },
              ]}
            />
          )}
        </Field>
        {text("hold", "hold", "Hold", "30s", "How long a failing delivery holds back the later ones of its call: 0s to 1h.")}
      </div>
      <fieldset className={css.group}>
        <legend>Masks</legend>
        <Check
          name="mask"
          checked={draft.mask.includes("numbers")}
          onChange={(e) => masks("numbers")(e.target.checked)}
          label="Phone numbers"
          hint="All but the last digits, wherever they stand. Filters and scopes still see them."
        />
        <Check
          name="mask"
          checked={draft.mask.includes("text")}
          onChange={(e) => masks("text")(e.target.checked)}
          label="What people say"
          hint="The text of messages, transcriptions and mails."
        />
        {error("mask") && <p className={css.error}>{error("mask")}</p>}
      </fieldset>
      <div className={css.grid}>
        <Field
          label="Signature"
          error={error("signing")}
          hint="An HMAC needs a secret that both have. An Ed25519 key has a public half, which the receiver may show to anybody."
        >
          {(wired) => (
            <Select
              {...wired}
              name="signing"
              value={draft.signing}
              onChange={(e) => set({ signing: e.target.value })}
              options={[
                { value: "", label: "HMAC with a secret (default)" },
                { value: "ed25519", label: "Ed25519 key" },
                { value: "both", label: "Both" },
              ]}
            />
          )}
        </Field>
      </div>
      <Check
        name="include_internal_legs"
        checked={draft.internalLegs}
        onChange={(e) => set({ internalLegs: e.target.checked })}
        label="Legs inside the switch, too"
        hint="Loopback legs, which no phone takes part in. Most programs have no use for them."
      />
      <fieldset className={css.group}>
        <legend>Certificates</legend>
        <p className="muted small">For a receiver with a certificate of its own, or that wants one of ours (mutual TLS).</p>
        {(["ca", "certificate", "key"] as const).map((part) => (
          <Field key={part} label={pem[part].label} optional hint={pem[part].hint} error={error("tls." + part)}>
            {(wired) => (
              <TextArea
                {...wired}
                name={"tls." + part}
                mono
                rows={2}
                placeholder={pem[part].placeholder}
                value={draft.tls[part]}
                onChange={(e) => set({ tls: { ...draft.tls, [part]: e.target.value } })}
              />
            )}
          </Field>
        ))}
        {editing && draft.tls.key.startsWith("***") && (
          <p className="muted small">The key that is stored is not shown. Leave it so to keep it.</p>
        )}
      </fieldset>
    </div>
  );
}

const pem = {
  ca: {
    label: "The receiver’s authority",
    hint: "PEM. One of these must stand behind the receiver’s certificate, instead of those that the system knows.",
    placeholder: "-----BEGIN CERTIFICATE-----",
  },
  certificate: {
    label: "Client certificate",
    hint: "PEM. Shown to the receiver, with what stands behind it.",
    placeholder: "-----BEGIN CERTIFICATE-----",
  },
  key: { label: "Its private key", hint: "PEM. Kept, and never shown again.", placeholder: "-----BEGIN PRIVATE KEY-----" },
};

function Retry() {
  const { draft, set, error } = useForm();
  return (
    <div className="stack" style={{ "--gap": "var(--s3)" } as never}>
      <Choices
        legend="Retries"
        columns={2}
        value={draft.retry}
        onChange={(retry) => set({ retry })}
        options={[
          { value: "standard", label: "Standard", hint: "Again after 5 s, 30 s, 2 min, 10 min, 30 min, then hours apart, for two days." },
          { value: "own", label: "A schedule of your own", hint: "You say how long to wait before each further try." },
          { value: "none", label: "None", hint: "One try. What fails stays failed until it is replayed." },
          {
            value: "kazoo",
            label: "As Kazoo",
            hint: "Only 200 is success. Again once after 2 s if the connection breaks. Six failures a minute turn it off.",
          },
        ]}
      />
      {draft.retry === "own" && (
        <Field label="Waits" error={error("retry.schedule")} hint="One for each further try, each up to 7 days: 5s, 1m, 10m, 2h.">
          {(wired) => (
            <Input {...wired} name="retry.schedule" mono value={draft.schedule} onChange={(e) => set({ schedule: e.target.value })} />
          )}
        </Field>
      )}
      {draft.retry === "kazoo" && (
        <Field label="Tries in all" optional error={error("retry.tries")} hint="1 to 5.">
          {(wired) => (
            <Input
              {...wired}
              name="retry.tries"
              inputMode="numeric"
              placeholder="2"
              value={draft.tries}
              onChange={(e) => set({ tries: e.target.value })}
            />
          )}
        </Field>
      )}
      {error("retry") && draft.retry !== "own" && !error("retry.tries") && <p className={css.error}>{error("retry")}</p>}
    </div>
  );
}
