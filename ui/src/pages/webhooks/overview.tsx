import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, body, type Schemas } from "../../api/client";
import { Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Chart } from "../../parts/chart";
import { Segments } from "../../parts/field";
import { Card, Loaded } from "../../parts/page";
import { count, percent } from "../../words/text";
import { durationOf, span } from "../../words/time";
import { Recent } from "./recent";
import css from "./webhook.module.css";

type Hook = Schemas["Webhook"];
const windows = ["1h", "24h", "7d", "30d"] as const;
type Window = (typeof windows)[number];
const labels = { "1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days" };
const refresh = { "1h": 5000, "24h": 15_000, "7d": 60_000, "30d": 60_000 };

/** How it goes: figures, charts, and the latest attempts. */
export function Overview({ webhook, more }: { webhook: Hook; more(): void }) {
  const [window, setWindow] = useState<Window>("24h");
  const { id } = webhook;
  const stats = useQuery({
    queryKey: ["webhook", id, "stats", window],
    queryFn: () => body(api.GET("/v1/webhooks/{id}/stats", { params: { path: { id }, query: { window } } })),
    placeholderData: keepPreviousData,
    refetchInterval: refresh[window],
  });
  return (
    <div className="stack">
      <Card
        title="How it goes"
        actions={
          <Segments<Window>
            label="Window"
            value={window}
            onChange={setWindow}
            options={windows.map((w) => ({ value: w, label: labels[w] }))}
          />
        }
      >
        <Loaded query={stats} lines={8}>
          {(s) => <Figures webhook={webhook} stats={s} />}
        </Loaded>
      </Card>
      <Card
        flush
        title="Latest attempts"
        actions={
          <Button size="small" kind="quiet" onClick={more}>
            All deliveries
          </Button>
        }
      >
        <Recent webhook={webhook} rows={8} bare />
      </Card>
    </div>
  );
}

function Figures({ webhook, stats }: { webhook: Hook; stats: Schemas["WebhookStatistics"] }) {
  const { total } = stats;
  const attempts = total.success + total.failure;
  const part = attempts ? total.success / attempts : undefined;
  const times = useMemo(() => {
    const from = new Date(stats.from).getTime() / 1000;
    const step = durationOf(stats.step) / 1000;
    return Array.from({ length: stats.points }, (_, i) => from + i * step);
  }, [stats]);
  const outcomes = useMemo(
    () => [
      { label: "Taken", colour: "var(--ok-fill)", values: stats.attempts.success, as: "bars" as const },
      { label: "Failed", colour: "var(--bad-fill)", values: stats.attempts.failure, as: "bars" as const },
    ],
    [stats],
  );
  const latency = useMemo(
    () => [
      { label: "Half answer within", colour: "var(--accent)", values: stats.answer_time.p50_ms },
      { label: "95 of 100", colour: "var(--warn-fill)", values: stats.answer_time.p95_ms },
    ],
    [stats],
  );
  const lost = total.failed + total.expired;
  return (
    <div className="stack" style={{ "--gap": "var(--s5)" } as never}>
      <dl className={css.figures}>
        <div>
          <dt>Attempts</dt>
          <dd>
            {count(attempts, true)}
            <small>{count(total.delivered)} deliveries delivered</small>
          </dd>
        </div>
        <div>
          <dt>Taken</dt>
          <dd data-bad={(part !== undefined && part < 0.95) || undefined}>
            {part === undefined ? "—" : percent(part)}
            <small>{total.failure ? `${count(total.failure)} attempts failed` : "none failed"}</small>
          </dd>
        </div>
        <div>
          <dt>Given up</dt>
          <dd data-bad={lost > 0 || undefined}>
            {count(lost, true)}
            <small>
              {count(total.failed)} failed, {count(total.expired)} expired
            </small>
          </dd>
        </div>
        <div>
          <dt>Answers within</dt>
          <dd>
            {total.answer_time.p95_ms === null ? "—" : span(total.answer_time.p95_ms ?? 0)}
            <small>95 of 100 attempts</small>
          </dd>
        </div>
        <div>
          <dt>Waiting</dt>
          <dd>
            {count(webhook.stats.pending ?? 0, true)}
            <small>
              {webhook.stats.oldest_waiting_at ? (
                <>
                  oldest <Time at={webhook.stats.oldest_waiting_at} as="ago" />
                </>
              ) : (
                "nothing is open"
              )}
            </small>
          </dd>
        </div>
      </dl>
      {attempts > 0 ? (
        <div className={css.charts}>
          <div>
            <h3>Attempts</h3>
            <Chart label="Attempts over time" times={times} series={outcomes} format={whole} />
          </div>
          <div>
            <h3>Time to answer</h3>
            <Chart label="Time to answer over time" times={times} series={latency} format={span} />
          </div>
        </div>
      ) : (
        <p className="muted">Nothing was sent in this time, so there is nothing to draw.</p>
      )}
    </div>
  );
}

const whole = (v: number) => (Number.isInteger(v) ? count(v, true) : "");
