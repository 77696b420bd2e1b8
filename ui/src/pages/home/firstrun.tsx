import { useQueryClient } from "@tanstack/react-query";
import { ArrowRight, PhoneIncoming, Radio } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Schemas } from "../../api/client";
import { follow } from "../../api/stream";
import { Badge, Time, TypeName } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { Code, looksLikeJson, pretty } from "../../parts/code";
import { Select } from "../../parts/field";
import { Card, Failure } from "../../parts/page";
import { useAccount, useMay, useWho } from "../../shell/session";
import { ringSampleCall } from "./samplecall";
import css from "./firstrun.module.css";

type Heard = Schemas["Heard"];

const dialects = [
  { value: "switchhook", label: "Switchhook's own" },
  { value: "kazoo", label: "Kazoo" },
  { value: "voipbin", label: "VoIPBin" },
  { value: "teli", label: "Teli" },
  { value: "primevox", label: "PrimeVOX" },
];

/**
 * Leads by the hand where there is no webhook yet: make one, or let this page be the receiver (the server renders the
 * requests of a webhook that is kept nowhere into a stream), ring a sample call, and watch it arrive.
 */
export function FirstRun() {
  const who = useWho();
  const may = useMay("developer");
  const [account] = useAccount();
  const client = useQueryClient();
  const [dialect, setDialect] = useState("switchhook");
  const [listening, setListening] = useState(false);
  const [heard, setHeard] = useState<Heard[]>([]);
  const [chosen, setChosen] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const seen = useRef(new Set<string>());

  useEffect(() => {
    if (!listening) return undefined;
    setHeard([]);
    seen.current.clear();
    const webhook = {
      account_id: account ?? who.account_id,
      url: "http://localhost/your-program",
      events: ["*"],
      dialect,
      include_subaccounts: true,
      secret: "whsec_" + btoa("the page at / is the receiver 1!"),
    };
    return follow<Heard>(
      "/v1/webhooks/listen",
      {
        items: (items) => {
          const news = items.filter((i) => !seen.current.has(i.delivery_id));
          for (const i of news) seen.current.add(i.delivery_id);
          setHeard((old) => [...old, ...news].slice(-50));
        },
        state: (state, problem) => state === "refused" && setError(problem),
      },
      webhook,
    );
  }, [listening, dialect, account, who.account_id]);

  const ring = async () => {
    setBusy(true);
    setError(undefined);
    setListening(true);
    try {
      await ringSampleCall(account ?? who.account_id);
      await client.invalidateQueries({ queryKey: ["stats"] });
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };

  const shown = heard.find((h) => h.delivery_id === chosen) ?? heard.at(-1);
  return (
    <Card
      title="Three steps to the first event"
      lead="A phone rings, and your program hears of it. Nothing here is for good: try what you like."
    >
      <ol className={css.steps}>
        <Step n={1} title="Say where events go" done={false}>
          <p>A webhook is the URL of a program of yours, the events that it wants, and the shape that it understands.</p>
          <div className="row wrap">
            {may && (
              <ButtonLink kind="primary" icon={ArrowRight} href="/webhooks/new">
                Create a webhook
              </ButtonLink>
            )}
          </div>
          <p className="muted small">No program yet? This page can be the receiver: it shows the requests that yours would get.</p>
          <div className="row wrap">
            <span style={{ width: 170 }}>
              <Select aria-label="Shape of the requests" value={dialect} onChange={(e) => setDialect(e.target.value)} options={dialects} />
            </span>
            <Button icon={Radio} onClick={() => setListening(!listening)} aria-pressed={listening} disabled={!may}>
              {listening ? "Stop receiving here" : "Receive here"}
            </Button>
          </div>
        </Step>
        <Step n={2} title="Let a phone ring" done={heard.length > 0}>
          <p>A sample call, as a phone system would tell of it: somebody calls, a phone rings, it is answered, and they hang up.</p>
          <Button icon={PhoneIncoming} kind={listening ? "primary" : "plain"} busy={busy} onClick={() => void ring()} disabled={!may}>
            Ring a sample call
          </Button>
          {!may && <p className="muted small">Your role may look, not send.</p>}
        </Step>
        <Step n={3} title="Watch it arrive" done={heard.some((h) => h.event_type === "call.hungup")}>
          {heard.length === 0 && (
            <p className="muted">
              {listening ? "Listening: what your program would get appears here." : "What is sent appears here, as it happens."}
            </p>
          )}
          <ul className={css.heard} aria-label="Requests" aria-live="polite">
            {heard.map((h) => (
              <li key={h.delivery_id}>
                <button type="button" aria-pressed={h === shown} onClick={() => setChosen(h.delivery_id)}>
                  <TypeName type={h.event_type} />
                  <Time at={h.occurred_at} />
                </button>
              </li>
            ))}
          </ul>
        </Step>
      </ol>
      {error !== undefined && <Failure error={error} />}
      {shown && (
        <div className={css.request}>
          <p className="row wrap">
            <Badge tone="info">{shown.request?.method ?? "—"}</Badge>
            <code className="truncate">{shown.request?.url}</code>
          </p>
          {shown.error ? (
            <p className="muted">This shape has no request for it: {shown.error}</p>
          ) : (
            <Code
              text={pretty(shown.request?.body ?? "")}
              label="the request's body"
              language={looksLikeJson(shown.request?.body ?? "") ? "json" : "text"}
            />
          )}
        </div>
      )}
    </Card>
  );
}

function Step({ n, title, done, children }: { n: number; title: string; done: boolean; children: ReactNode }) {
  return (
    <li className={css.step} data-done={done || undefined}>
      <span className={css.number} aria-hidden>
        {done ? "✓" : n}
      </span>
      <div className="stack">
        <h3>{title}</h3>
        {children}
      </div>
    </li>
  );
}
