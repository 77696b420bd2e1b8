import { useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { api, body } from "../../api/client";
import { Badge, State, useNow } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Card } from "../../parts/page";
import { useKeep } from "../../shell/session";
import { notificationOf } from "../../words/mail";
import { plural } from "../../words/text";
import { type Hook, HookLink } from "../deliveries/hooks";
import { whyOf } from "../deliveries/why";
import type { Explanation } from "../events/whynot";
import css from "./call.module.css";
import { troubled } from "./moment";
import type { Line, Story } from "./story";

interface Receiver {
  id: string;
  lines: Line[];
  bad: Line[];
}

/** Whether deliveries wait, not tried yet, for a webhook that takes nothing now. */
const stuck = (r: Receiver, hooks: Map<string, Hook>) =>
  r.lines.some((l) => l.delivery.state === "pending") && ["failing", "paused"].includes(hooks.get(r.id)?.status ?? "");

const failed = (r: Receiver) => r.bad.filter((l) => l.delivery.state === "failed").length;

/** Who was told of the call and how that went; and who was not, and why: what support is asked. */
export function Receivers({
  story,
  hooks,
  webhook,
  onChoose,
}: {
  story: Story;
  hooks: Map<string, Hook>;
  webhook: string;
  onChoose(id: string): void;
}) {
  const told = useMemo(() => {
    const by = new Map<string, Receiver>();
    for (const line of story.moments.flatMap((m) => m.lines)) {
      const r = by.get(line.delivery.webhook_id) ?? { id: line.delivery.webhook_id, lines: [], bad: [] };
      r.lines.push(line);
      if (troubled(line)) r.bad.push(line);
      by.set(r.id, r);
    }
    return [...by.values()].sort(
      (a, b) => failed(b) - failed(a) || b.bad.length - a.bad.length || Number(stuck(b, hooks)) - Number(stuck(a, hooks)),
    );
  }, [story, hooks]);
  const account = story.moments[0]?.event.account_id ?? "";
  const silent = [...hooks.values()].filter((h) => h.account_id === account && !told.some((r) => r.id === h.id));
  const [asked, ask] = useState(false);
  const why = useSilence(story, account, asked && silent.length > 0);
  const kind = told.some((r) => notificationOf(r.id)) ? "receiver" : "webhook";
  const bad = told.filter((r) => r.bad.length || stuck(r, hooks)).length;
  const waits = told.some((r) => r.lines.some((l) => l.delivery.state === "pending"));
  if (!told.length && !silent.length) return null;
  return (
    <Card
      title="Who was told"
      lead={
        told.length === 0
          ? "Nobody got anything of this call."
          : bad === 0
            ? `${plural(told.length, kind)}, and ${waits ? "all goes well so far" : "all of it went well"}.`
            : `${bad} of ${plural(told.length, kind)} did not get everything.`
      }
      actions={
        silent.length > 0 && (
          <Button size="small" aria-expanded={asked} onClick={() => ask(!asked)}>
            {asked ? "Hide" : "Why not"} {plural(silent.length, "other webhook")}
            {asked ? "" : "?"}
          </Button>
        )
      }
    >
      <ul className={css.receivers}>
        {told.map((r) => (
          <ReceiverLine key={r.id} receiver={r} hooks={hooks} chosen={webhook === r.id} onChoose={() => onChoose(r.id)} />
        ))}
        {asked && silent.map((h) => <SilentLine key={h.id} hook={h} why={why.get(h.id)} />)}
      </ul>
    </Card>
  );
}

function ReceiverLine({
  receiver: r,
  hooks,
  chosen,
  onChoose,
}: {
  receiver: Receiver;
  hooks: Map<string, Hook>;
  chosen: boolean;
  onChoose(): void;
}) {
  const hook = hooks.get(r.id);
  const good = r.lines.filter((l) => l.delivery.state === "delivered").length;
  const worst = r.bad.find((l) => l.delivery.state === "failed") ?? r.bad.find((l) => l.delivery.state === "expired") ?? r.bad[0];
  const waiting = r.lines.filter((l) => l.delivery.state === "pending");
  const still = worst ?? waiting[0];
  return (
    <li data-bad={r.bad.length > 0 || undefined}>
      <div className={css.receiver}>
        <State
          of={
            r.bad.length
              ? `${r.bad.length} of ${r.lines.length} in trouble`
              : waiting.length
                ? `${waiting.length} waiting`
                : good === r.lines.length
                  ? `all ${good} delivered`
                  : `${good} of ${r.lines.length} delivered`
          }
          tone={
            worst
              ? worst.delivery.state === "expired" || worst.delivery.state === "pending"
                ? "warn"
                : "bad"
              : waiting.length
                ? stuck(r, hooks)
                  ? "warn"
                  : "info"
                : good === r.lines.length
                  ? "ok"
                  : "idle"
          }
        />
        <HookLink id={r.id} className={css.hook} />
        {hook && <Badge>{hook.dialect}</Badge>}
        {hook?.status && hook.status !== "active" && <Badge tone={hook.status === "failing" ? "bad" : "warn"}>{hook.status}</Badge>}
        <span className="grow" />
        <Button size="small" kind="quiet" aria-pressed={chosen} onClick={onChoose}>
          {chosen ? "Show all" : "Only these"}
        </Button>
      </div>
      {still && (worst || stuck(r, hooks)) && <Because line={still} hook={hook} />}
    </li>
  );
}

function Because({ line, hook }: { line: Line; hook: Hook | undefined }) {
  return (
    <p className={css.because}>
      <code>{line.delivery.event_type}</code> {whyOf(line.delivery, line.attempts, hook, useNow())}
    </p>
  );
}

function SilentLine({ hook, why }: { hook: Hook; why: Explanation | undefined }) {
  const keep = useKeep();
  return (
    <li>
      <div className={css.receiver}>
        <State of="got nothing" tone="idle" />
        <Link href={keep(`/webhooks/${encodeURIComponent(hook.id)}`)} className={css.hook}>
          <bdi>{hook.name || hook.url}</bdi>
        </Link>
        <Badge>{hook.dialect}</Badge>
      </div>
      <p className={css.because}>{why ? why.reason : "Looking…"}</p>
    </li>
  );
}

/** An event of each type is asked about, ten at most: what stands in the way of one that a webhook selects says more than that it does not select others. */
function useSilence(story: Story, account: string, enabled: boolean): Map<string, Explanation> {
  const ids = useMemo(() => {
    const byType = new Map(story.moments.map((m) => [m.event.type, m.event.id]));
    const weight = (t: string) => (t.startsWith("call.") ? 0 : t.startsWith("leg.") ? 2 : 1);
    return [...byType]
      .sort(([a], [b]) => weight(a) - weight(b))
      .slice(0, 10)
      .map(([, id]) => id);
  }, [story]);
  const asked = useQueries({
    queries: ids.map((id) => ({
      queryKey: ["event", "explain", account, id],
      queryFn: () => body(api.GET("/v1/events/{id}/explain", { params: { path: { id }, query: { account_id: account } } })),
      enabled,
      staleTime: 60_000,
    })),
  });
  const why = new Map<string, Explanation>();
  for (const x of asked.flatMap((q) => q.data?.items ?? [])) {
    const known = why.get(x.webhook_id);
    if (!known || (known.why === "type" && x.why !== "type")) why.set(x.webhook_id, x);
  }
  return why;
}
