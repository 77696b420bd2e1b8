import { useQuery } from "@tanstack/react-query";
import { CircleCheck, Webhook } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { useFilters } from "../../api/lists";
import { mailState } from "../../api/mail";
import { State, Time, type Tone, useNow } from "../../parts/bits";
import { ButtonLink } from "../../parts/button";
import { Chart, type Series } from "../../parts/chart";
import { Segments } from "../../parts/field";
import { Card, Loaded, Note, Page } from "../../parts/page";
import { useAccount, useKeep, useMay, useOperator } from "../../shell/session";
import { count, familyColour, percent, plural, rate } from "../../words/text";
import { ago, durationOf, span } from "../../words/time";
import { FirstRun } from "./firstrun";
import css from "./home.module.css";

type Statistics = Schemas["Statistics"];
type Window = Statistics["window"];

const windows = ["15m", "1h", "6h", "24h", "7d", "30d"] as const;
const inWords: Record<Window, string> = {
  "15m": "15 minutes",
  "1h": "hour",
  "6h": "6 hours",
  "24h": "24 hours",
  "7d": "7 days",
  "30d": "30 days",
};

/** What happens now, and what is wrong. Each number leads to what it counts. */
export default function Home() {
  const [account] = useAccount();
  const [filters, set] = useFilters("window");
  const window = windows.find((w) => w === filters.window) ?? "1h";
  const stats = useQuery({
    queryKey: ["stats", account, window],
    queryFn: () =>
      body(api.GET("/v1/stats", { params: { query: { window, account_id: account, include_subaccounts: account ? true : undefined } } })),
    refetchInterval: 5000,
  });
  const webhooks = useQuery({
    queryKey: ["webhooks", account, "any"],
    queryFn: () => body(api.GET("/v1/webhooks", { params: { query: { limit: 1, account_id: account } } })),
    refetchInterval: 10_000,
  });
  const empty = webhooks.data?.items.length === 0;
  return (
    <Page
      title="Home"
      lead={empty ? undefined : "What happens now, and what needs somebody."}
      actions={!empty && <Segments label="How far back" value={window} onChange={(w) => set({ window: w })} options={windows} />}
    >
      {empty && <FirstRun />}
      <Loaded query={stats} lines={8}>
        {(s) => (
          <>
            {!(empty && s.total.events === 0) && <Figures stats={s} window={window} />}
            {!empty && <Attention stats={s} />}
            {s.total.events > 0 && <Charts stats={s} window={window} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** One number, and what it says. */
function Figure({
  label,
  value,
  note,
  href,
  tone,
}: {
  label: string;
  value: ReactNode;
  note: ReactNode;
  href: string;
  tone?: "bad" | "warn";
}) {
  const keep = useKeep();
  return (
    <Link href={keep(href)} className={css.figure} data-tone={tone}>
      <span className={css.label}>{label}</span>
      <b>{value}</b>
      <span className={css.note}>{note}</span>
    </Link>
  );
}

function Figures({ stats: { now, total }, window }: { stats: Statistics; window: Window }) {
  const time = useNow();
  const ended = total.delivered + total.failed + total.expired;
  const lost = total.failed + total.expired;
  const waits = now.oldest_waiting_at ? time - Date.parse(now.oldest_waiting_at) : 0;
  return (
    <div className={css.figures}>
      <Figure
        label="Events a second"
        value={rate(now.events_per_second)}
        note={`${count(total.events, true)} in the last ${inWords[window]}`}
        href="/live"
      />
      <Figure
        label="Calls in progress"
        value={count(now.open_calls, true)}
        note={`${rate(now.deliveries_per_second)} deliveries a second`}
        href="/calls?status=open"
      />
      <Figure
        label="Delivered"
        value={ended ? percent(total.delivered / ended) : "—"}
        note={
          lost ? `${plural(lost, "delivery", "deliveries")} failed or expired` : ended ? `all ${count(ended, true)}` : "nothing was due"
        }
        href={lost ? "/deliveries?state=failed" : "/deliveries"}
        tone={lost ? "bad" : undefined}
      />
      <Figure
        label="Waiting"
        value={count(now.backlog, true)}
        note={now.backlog ? `oldest since ${span(waits)}` : "nothing waits"}
        href="/deliveries?state=pending"
        tone={waits > 60_000 ? "warn" : undefined}
      />
      <Figure
        label="Receivers answer in"
        value={total.answer_time.p50_ms == null ? "—" : span(total.answer_time.p50_ms)}
        note={
          total.answer_time.p95_ms == null
            ? "no attempts"
            : `p95 ${span(total.answer_time.p95_ms)} · p99 ${span(total.answer_time.p99_ms ?? 0)}`
        }
        href="/deliveries?view=attempts"
      />
    </div>
  );
}

/** The webhooks and the sources that need somebody, the worst first. */
function Attention({ stats }: { stats: Statistics }) {
  const [account] = useAccount();
  const { webhooks, sources } = stats.now;
  const ill = webhooks.failing + webhooks.disabled + webhooks.paused;
  const manage = useMay("viewer");
  const list = useQuery({
    queryKey: ["webhooks", account, "ill"],
    queryFn: () => body(api.GET("/v1/webhooks", { params: { query: { limit: 200, account_id: account } } })),
    refetchInterval: 5000,
    enabled: ill > 0,
  });
  const deaf = useQuery({
    queryKey: ["sources", account, "ill"],
    queryFn: () => body(api.GET("/v1/sources", { params: { query: { limit: 200, account_id: account } } })),
    refetchInterval: 5000,
    enabled: manage && sources.failing + sources.stopped > 0,
  });
  const order = ["failing", "disabled", "paused"];
  const items = (list.data?.items ?? [])
    .filter((w) => order.includes(w.status))
    .sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  const silent = (deaf.data?.items ?? []).filter((s) => s.state === "failing" || s.state === "stopped");
  const mail = useMailTrouble();
  if (!ill && !silent.length && !mail) {
    return (
      <Note kind="ok">
        <span className="row">
          <CircleCheck size={18} aria-hidden />
          <span>
            All is well: {plural(webhooks.active, "webhook takes", "webhooks take")} what comes
            {sources.connected + sources.listening > 0 &&
              `, ${plural(sources.connected + sources.listening, "source is", "sources are")} there`}
            .
          </span>
        </span>
      </Note>
    );
  }
  return (
    <Card title="Needs somebody" flush>
      <ul className={css.ill}>
        {mail && (
          <li>
            <Link href={mail.state === "not set up" ? "/templates" : "/mails?outcome=failure"}>E-mail</Link>
            <State of={mail.state} tone={mail.tone} />
            <span className={css.why}>{mail.why}</span>
          </li>
        )}
        {silent.map((s) => (
          <li key={s.id}>
            <Link href={`/sources/${encodeURIComponent(s.id)}`}>{s.id}</Link>
            <State of={s.state} />
            <span className={css.why}>{s.reason ?? "The phone system is not heard."}</span>
          </li>
        ))}
        {items.slice(0, 8).map((w) => (
          <li key={w.id}>
            <Link href={`/webhooks/${encodeURIComponent(w.id)}`} dir="auto" className="truncate">
              {w.name || w.url}
            </Link>
            <State of={w.status} />
            <span className={css.why}>
              <Why webhook={w} />
            </span>
          </li>
        ))}
      </ul>
      {items.length > 8 && (
        <p className={css.rest}>
          <ButtonLink kind="quiet" size="small" icon={Webhook} href="/webhooks">
            All {count(items.length)}
          </ButtonLink>
        </p>
      )}
    </Card>
  );
}

/** What is wrong with mail: that there is no server is the operator's to know. */
function useMailTrouble(): { state: string; tone?: Tone; why: string } | undefined {
  const { data: m } = useQuery(mailState);
  const operator = useOperator();
  const now = useNow();
  if (!m) return undefined;
  if (!m.email) {
    if (!operator) return undefined;
    return {
      state: "not set up",
      tone: "idle",
      why: "There is no mail server: nobody gets mails of voicemails, faxes or missed calls. Set SWITCHHOOK_SMTP_URL.",
    };
  }
  const since = m.oldest_waiting_at ? now - Date.parse(m.oldest_waiting_at) : 0;
  const waits = m.waiting ? ` ${plural(m.waiting, "mail waits", "mails wait")}, the oldest since ${span(since)}.` : "";
  if (m.failing_since)
    return { state: "failing", why: `${m.last_error ?? "Mails fail"}. Since ${span(now - Date.parse(m.failing_since))}.${waits}` };
  return since > 60_000 ? { state: "waiting", why: waits.trim() } : undefined;
}

function Why({ webhook: w }: { webhook: Schemas["Webhook"] }) {
  const now = useNow();
  const waiting = w.stats.pending ? ` ${plural(w.stats.pending, "delivery waits", "deliveries wait")}.` : "";
  if (w.status === "failing") {
    return (
      <>
        {`${w.stats.last_error ?? "Attempts fail"}.`}
        {w.stats.failing_since && ` Since ${span(now - Date.parse(w.stats.failing_since))}.`}
        {w.stats.next_probe_at && ` Tried again ${ago(w.stats.next_probe_at, now)}.`}
        {waiting}
      </>
    );
  }
  if (w.status === "disabled") return <>{w.disable_reason || "Somebody disabled it: nothing is sent."}</>;
  return (
    <>
      Paused{" "}
      {w.paused_at && (
        <>
          since <Time at={w.paused_at} />
        </>
      )}
      .{waiting}
    </>
  );
}

const families = ["call", "queue", "message", "voicemail", "fax", "record"];

function Charts({ stats: s, window }: { stats: Statistics; window: Window }) {
  const step = durationOf(s.step) / 1000;
  const from = Date.parse(s.from) / 1000;
  const times = Array.from({ length: s.points }, (_, i) => from + i * step);
  const known = Object.keys(s.events.by_family).sort((a, b) => ((families.indexOf(a) + 99) % 99) - ((families.indexOf(b) + 99) % 99));
  const byColour = new Map<string, Series>();
  for (const family of known) {
    const colour = familyColour(family);
    const values = s.events.by_family[family] ?? [];
    const there = byColour.get(colour);
    if (there) {
      there.label += `, ${family}`;
      there.values = there.values.map((v, i) => (v ?? 0) + (values[i] ?? 0));
    } else byColour.set(colour, { label: family, colour, values, as: "bars" });
  }
  const each = `each ${span(step * 1000)}, last ${inWords[window]}`;
  return (
    <div className={css.charts}>
      <Card title="Events" lead={each}>
        <Chart
          label={`Events by family, ${each}: ${count(s.total.events)} in all`}
          times={times}
          series={[...byColour.values()]}
          format={(v) => count(v, true)}
        />
      </Card>
      <Card title="Attempts" lead={each}>
        <Chart
          label={`Attempts by outcome, ${each}: ${count(s.total.success)} taken, ${count(s.total.failure)} failed`}
          times={times}
          series={[
            { label: "failed", colour: "var(--bad-fill)", values: s.attempts.failure, as: "bars" },
            { label: "taken", colour: "oklch(from var(--accent) l c h / 65%)", values: s.attempts.success, as: "bars" },
          ]}
          format={(v) => count(v, true)}
        />
      </Card>
      <Card title="From accepted to delivered" lead={each}>
        <Chart
          label={`Time from acceptance to delivery, ${each}: half within ${span(s.total.delivery_time.p50_ms ?? 0)}, 99 of a hundred within ${span(s.total.delivery_time.p99_ms ?? 0)}`}
          times={times}
          series={percentiles(s.delivery_time)}
          format={span}
        />
      </Card>
      <Card title="Receivers' answers" lead={each}>
        <Chart
          label={`How long receivers took to answer, ${each}: half within ${span(s.total.answer_time.p50_ms ?? 0)}, 99 of a hundred within ${span(s.total.answer_time.p99_ms ?? 0)}`}
          times={times}
          series={percentiles(s.answer_time)}
          format={span}
        />
      </Card>
    </div>
  );
}

const percentiles = (t: Schemas["CourseOfTime"]): Series[] => [
  { label: "p50", colour: "var(--family-number)", values: t.p50_ms },
  { label: "p95", colour: "var(--family-voicemail)", values: t.p95_ms },
  { label: "p99", colour: "var(--family-people)", values: t.p99_ms },
];
