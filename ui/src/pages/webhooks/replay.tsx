import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { RotateCcw, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useCatalogue } from "../../api/catalogue";
import { api, body, Problem, type Schemas } from "../../api/client";
import { useList } from "../../api/lists";
import { Id, State, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Chips } from "../../parts/chips";
import { Choices, Field, Input, Segments } from "../../parts/field";
import { complain, Confirm, say } from "../../parts/overlay";
import { Card, Empty, Failure, Loaded, Note } from "../../parts/page";
import { More, Table } from "../../parts/table";
import { useMay } from "../../shell/session";
import { count, plural } from "../../words/text";
import { durationOf, span } from "../../words/time";
import { useSettled } from "../../api/settled";
import css from "./webhook.module.css";

type Hook = Schemas["Webhook"];
type Which = NonNullable<Schemas["ReplayInput"]["which"]>;
type Since = "1h" | "24h" | "7d" | "all" | "own";

const ago: Record<string, number> = { "1h": 3600e3, "24h": 86400e3, "7d": 7 * 86400e3 };

/** Past events again: what, since when, how many, and how far it is. */
export function Replay({ webhook }: { webhook: Hook }) {
  const { id } = webhook;
  const may = useMay("developer");
  const jobs = useList(["jobs", id], (cursor) => body(api.GET("/v1/jobs", { params: { query: { webhook_id: id, limit: 20, cursor } } })), {
    fresh: 1000,
  });
  const running = jobs.items?.filter((j) => j.state === "running") ?? [];
  const past = jobs.items?.filter((j) => j.state !== "running");
  return (
    <div className="stack">
      {running.map((j) => (
        <Running key={j.id} job={j} webhook={webhook} may={may} />
      ))}
      {may ? <Ask webhook={webhook} /> : <Note>Your role may look at replays, and not begin one.</Note>}
      <Card flush title="Past replays">
        <Loaded query={{ ...jobs, data: past }} lines={3}>
          {(items) =>
            items.length ? (
              <>
                <Table
                  label="Past replays"
                  items={items}
                  id={(j) => j.id}
                  columns={[
                    { head: "Begun", narrow: "title", cell: (j) => <Time at={j.created_at} /> },
                    { head: "State", cell: (j) => <State of={j.state} title={j.error} /> },
                    { head: "What", cell: (j) => what(j) },
                    { head: "Of events since", cell: (j) => (new Date(j.since).getTime() > 0 ? <Time at={j.since} /> : "the oldest kept") },
                    { head: "Made", align: "end", cell: (j) => count(j.made) },
                    { head: "Took", align: "end", cell: (j) => j.ended_at && span(Date.parse(j.ended_at) - Date.parse(j.created_at)) },
                    { head: "Id", narrow: "hide", cell: (j) => <Id>{j.id}</Id> },
                  ]}
                />
                <More query={jobs} />
              </>
            ) : (
              <Empty icon={RotateCcw} title="Nothing was replayed yet">
                A replay sends past events again: after an outage of the receiver, or to a program that is new.
              </Empty>
            )
          }
        </Loaded>
      </Card>
    </div>
  );
}

const what = (j: Schemas["Job"]) =>
  ({ failed: "What failed", missing: "What is missing", all: "Everything" })[j.which] + (j.types?.length ? `: ${j.types.join(", ")}` : "");

function Running({ job, webhook, may }: { job: Schemas["Job"]; webhook: Hook; may: boolean }) {
  const client = useQueryClient();
  const [asked, ask] = useState(false);
  const part = job.total ? Math.min(1, job.looked / job.total) : 0;
  const left = job.time_left ? `, about ${span(durationOf(job.time_left))} to go` : "";
  return (
    <Card
      title={`Replaying: ${what(job).toLowerCase()}`}
      actions={
        may && (
          <Button size="small" icon={X} onClick={() => ask(true)}>
            Cancel
          </Button>
        )
      }
    >
      <div className={css.job}>
        <progress className={css.progress} value={part} max={1} aria-label="Progress of the replay" />
        <p className="muted tabular" role="status">
          {Math.floor(part * 100)} % looked through, {plural(job.made, "delivery", "deliveries")} made{left}
          {webhook.status === "paused" && ". It goes on when the webhook is resumed"}
        </p>
      </div>
      <Confirm
        open={asked}
        onClose={() => ask(false)}
        title="Cancel this replay?"
        action="Cancel the replay"
        onConfirm={async () => {
          await api.POST("/v1/jobs/{id}/cancel", { params: { path: { id: job.id } } });
          await client.invalidateQueries({ queryKey: ["jobs", webhook.id] });
        }}
      >
        It makes no more deliveries. Those that it has made are sent.
      </Confirm>
    </Card>
  );
}

/** Says what is to be replayed, and counts it before it begins. */
function Ask({ webhook }: { webhook: Hook }) {
  const { id } = webhook;
  const client = useQueryClient();
  const { data: catalogue = [] } = useCatalogue();
  const [which, setWhich] = useState<Which>("failed");
  const [since, setSince] = useState<Since>("24h");
  // The beginning stays where it was when it was chosen.
  const [from, setFrom] = useState(() => new Date(Date.now() - (ago["24h"] ?? 0)).toISOString());
  const [own, setOwn] = useState(() => ({ since: local(Date.now() - 3600e3), until: "" }));
  const [types, setTypes] = useState<string[]>([]);
  const [asked, ask] = useState(false);
  const input: Schemas["ReplayInput"] = {
    which,
    types: types.length ? types : undefined,
    since: since === "all" ? undefined : since === "own" ? iso(own.since) : from,
    until: since === "own" ? iso(own.until) : undefined,
  };
  const settled = useSettled(JSON.stringify(input), 350);
  const disabled = webhook.status === "disabled";
  const counted = useQuery({
    queryKey: ["replay-count", id, settled],
    queryFn: async ({ signal }) =>
      (await body(
        api.POST("/v1/webhooks/{id}/replay", {
          params: { path: { id } },
          body: { ...(JSON.parse(settled) as typeof input), dry_run: true },
          signal,
        }),
      )) as Schemas["ReplayCount"],
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 10_000,
    enabled: !disabled,
  });
  const begin = useMutation({
    mutationFn: () => body(api.POST("/v1/webhooks/{id}/replay", { params: { path: { id } }, body: input })),
    onSuccess: async () => {
      say("The replay has begun");
      await client.invalidateQueries({ queryKey: ["jobs", id] });
    },
    onError: complain,
  });
  const problem = counted.error instanceof Problem ? counted.error : undefined;
  const current = settled === JSON.stringify(input) && !counted.isFetching;
  const n = counted.data?.count ?? 0;
  const atLeast = counted.data?.more ? "at least " : "";
  const submit = (e: FormEvent) => {
    e.preventDefault();
    ask(true);
  };
  return (
    <Card title="Replay past events" lead="Each delivery keeps its id, so a receiver that remembers ids takes none twice.">
      <form className="stack" onSubmit={submit} noValidate>
        {disabled && <Note kind="warn">The webhook is disabled. Enable it first; then what it missed can be replayed.</Note>}
        <Choices<Which>
          legend="What"
          columns={3}
          value={which}
          onChange={setWhich}
          options={[
            { value: "failed", label: "What failed", hint: "Deliveries that were given up, or expired." },
            {
              value: "missing",
              label: "What is missing",
              hint: "Events that it wants, and that were never sent: from before it was made, or while it was off.",
            },
            { value: "all", label: "Everything", hint: "Every event that it wants, also those that were delivered." },
          ]}
        />
        <div className="stack" style={{ "--gap": "6px" } as never}>
          <b style={{ fontWeight: 560 }}>Since</b>
          <div style={{ overflowX: "auto" }}>
            <Segments<Since>
              label="Since"
              value={since}
              onChange={(v) => {
                setSince(v);
                if (ago[v]) setFrom(new Date(Date.now() - ago[v]).toISOString());
              }}
              options={[
                { value: "1h", label: "An hour ago" },
                { value: "24h", label: "A day ago" },
                { value: "7d", label: "A week ago" },
                { value: "all", label: "The oldest kept" },
                { value: "own", label: "A time" },
              ]}
            />
          </div>
        </div>
        {since === "own" && (
          <div className={css.when}>
            <Field label="From" error={problem?.about("since")}>
              {(wired) => (
                <Input
                  {...wired}
                  type="datetime-local"
                  step={1}
                  value={own.since}
                  onChange={(e) => setOwn({ ...own, since: e.target.value })}
                />
              )}
            </Field>
            <Field label="Until" optional hint="Now, if nothing is said." error={problem?.about("until")}>
              {(wired) => (
                <Input
                  {...wired}
                  type="datetime-local"
                  step={1}
                  value={own.until}
                  onChange={(e) => setOwn({ ...own, until: e.target.value })}
                />
              )}
            </Field>
          </div>
        )}
        <Field
          label="Only these types"
          optional
          error={problem?.about("types")}
          hint="All that it wants, if nothing is said. call.* stands for all of calls."
        >
          {(wired) => (
            <Chips
              {...wired}
              values={types}
              onChange={setTypes}
              placeholder="call.*"
              suggestions={catalogue.map((t) => ({ value: t.type, label: t.description }))}
            />
          )}
        </Field>
        {problem && problem.fields.length === 0 && !disabled && <Failure error={problem} />}
        <div className="row wrap" style={{ "--gap": "12px" } as never}>
          <Button kind="primary" type="submit" icon={RotateCcw} disabled={!current || !n || disabled} busy={begin.isPending}>
            {current && n ? `Replay ${atLeast}${plural(n, "delivery", "deliveries")}` : "Replay"}
          </Button>
          <span className="muted tabular" role="status">
            {disabled || problem
              ? ""
              : !current
                ? "Counting…"
                : n
                  ? `${count(counted.data?.looked ?? 0)} events looked at`
                  : `Nothing to replay: ${nothing[which]}.`}
          </span>
        </div>
      </form>
      <Confirm
        open={asked}
        onClose={() => ask(false)}
        title={`Send ${atLeast}${plural(n, "delivery", "deliveries")} again?`}
        action="Begin the replay"
        onConfirm={() => begin.mutateAsync()}
      >
        The oldest come first, among what is new. Each carries the header <code>webhook-replay: true</code>.
        {which === "all" && " A receiver that does not remember ids does everything once more."}
        {webhook.status === "paused" && " The webhook is paused: it begins when that is resumed."}
        {webhook.status === "failing" && " The receiver fails at present: what is sent to it waits until it is well."}
      </Confirm>
    </Card>
  );
}

const nothing = {
  failed: "nothing has failed in this time",
  missing: "nothing is missing in this time",
  all: "there are no events in this time that it wants",
};

/** A time as the browser's field has it, in its own zone. */
function local(ms: number): string {
  const t = new Date(ms);
  return new Date(ms - t.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

const iso = (text: string) => (text ? new Date(text).toISOString() : undefined);
