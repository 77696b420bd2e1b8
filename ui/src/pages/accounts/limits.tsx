import { useState } from "react";
import { Problem } from "../../api/client";
import { Button } from "../../parts/button";
import { Check, Field, Input, TextArea } from "../../parts/field";
import { say } from "../../parts/overlay";
import { Card, Failure, Note } from "../../parts/page";
import type { Account } from "../../shell/accounts";
import { useMay, useOperator, useWho } from "../../shell/session";
import { useChange } from "./account";
import css from "./accounts.module.css";

const limits = [
  ["events_per_second", "Events a second", "Of it and the accounts below, together."],
  ["requests_per_second", "API requests a second", "Of each of its keys, and of those below that have no limit of their own."],
  ["request_burst", "API requests at once", "Left empty: those of two seconds."],
  ["open_deliveries", "Open deliveries", "How many may wait for its webhooks before its events are refused."],
] as const;

/** What an account may do at most, and where its webhooks may reach. */
export function AccountLimits({ account }: { account: Account }) {
  const who = useWho();
  const operator = useOperator();
  const admin = useMay("admin");
  const change = useChange(account);
  const may = admin && account.id !== who.account_id;
  const [values, setValues] = useState(() => Object.fromEntries(limits.map(([k]) => [k, account.limits?.[k]?.toString() ?? ""])));
  const { retention = "", effective_retention: keeps } = account as Account & { retention?: string; effective_retention?: string };
  const [kept, setKept] = useState(retention);
  const [networks, setNetworks] = useState((account.allow_networks ?? []).join("\n"));
  const [answers, setAnswers] = useState(account.show_private_answers ?? false);
  const [flows, setFlows] = useState(account.flow_webhooks);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      // RFC 7396: null takes a limit away.
      const numbers = Object.fromEntries(Object.entries(values).map(([k, v]) => [k, v.trim() === "" ? null : Number(v)]));
      const wide = operator ? { allow_networks: networks.split(/[\s,]+/).filter(Boolean), show_private_answers: answers } : {};
      await change({
        ...(may ? { limits: numbers } : {}),
        ...(may && keeps !== undefined ? { retention: kept.trim() || null } : {}),
        ...wide,
        flow_webhooks: flows,
      });
      say("Saved", "It is in force.");
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className={css.form}
      onSubmit={(e) => {
        e.preventDefault();
        void save();
      }}
    >
      {!may && <Note>{admin ? "Limits of one’s own account are set from above." : "To change these needs the role admin."}</Note>}
      <Card title="Limits" lead="Left empty: as it is set above, or by the server.">
        <div className={css.pair}>
          {limits.map(([name, label, hint]) => (
            <Field key={name} label={label} hint={hint} error={problem?.about(`limits.${name}`)}>
              {(w) => (
                <Input
                  {...w}
                  inputMode="decimal"
                  disabled={!may}
                  placeholder="no limit here"
                  value={values[name]}
                  onChange={(e) => setValues((v) => ({ ...v, [name]: e.target.value }))}
                />
              )}
            </Field>
          ))}
        </div>
      </Card>
      {keeps !== undefined && (
        <Card title="History" lead={`It is kept for ${keeps} now: the shortest on the way up, or the server’s.`}>
          <Field
            label="Kept for"
            hint="Of this account and those below: events, deliveries, attempts, rejects. Such as 7d; left empty: as above it. What is older goes for good."
            error={problem?.about("retention")}
          >
            {(w) => <Input {...w} mono disabled={!may} value={kept} onChange={(e) => setKept(e.target.value)} />}
          </Field>
        </Card>
      )}
      <Card title="Network" lead={operator ? undefined : "Only the operator sets these."}>
        <div className="stack">
          <Field
            label="Private networks that its webhooks may reach"
            hint="CIDR, one a line, such as 10.1.0.0/16; beside those that the server allows to all."
            error={problem?.about("allow_networks")}
          >
            {(w) => <TextArea {...w} mono rows={3} disabled={!operator} value={networks} onChange={(e) => setNetworks(e.target.value)} />}
          </Field>
          <Check
            label="Show what is answered from private networks"
            hint="Headers and bodies of such answers, which are hidden from its people otherwise."
            disabled={!operator}
            checked={answers}
            onChange={(e) => setAnswers(e.target.checked)}
          />
        </div>
      </Card>
      <Card title="Call flows">
        <Check
          label="Call flows may send requests to addresses that the flow names"
          hint="A webhook of the account makes them, with a secret and a history like any other."
          disabled={!admin}
          checked={flows}
          onChange={(e) => setFlows(e.target.checked)}
        />
      </Card>
      {error !== undefined && <Failure error={error} />}
      {admin && (
        <div>
          <Button kind="primary" type="submit" busy={busy}>
            Save
          </Button>
        </div>
      )}
    </form>
  );
}
