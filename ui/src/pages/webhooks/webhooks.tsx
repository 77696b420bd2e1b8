import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pause, Play, Plus, Power, Webhook as WebhookIcon } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { readAll, useFilters } from "../../api/lists";
import { Sparkline, State, Time, useNow } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { SearchInput, Select } from "../../parts/field";
import { Confirm, Menu, say } from "../../parts/overlay";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { Table, type Column } from "../../parts/table";
import { useAccounts } from "../../shell/accounts";
import { useAccount, useKeep, useMay, useWho } from "../../shell/session";
import { count, percent, plural } from "../../words/text";
import { dialectOf } from "./form/dialects";
import { summary } from "./selection";
import { byNeed, coarse, hostOf, nextTry, share, turnedOffByUs } from "./words";
import css from "./webhooks.module.css";

type Hook = Schemas["Webhook"];
type Spark = Schemas["Spark"];

const step = 100;

export default function Webhooks() {
  const [account] = useAccount();
  const may = useMay("developer");
  const link = useKeep();
  const [filters, setFilters] = useFilters("q", "status", "dialect", "owner");
  const hooks = useQuery({
    queryKey: ["webhooks", account],
    queryFn: () => readAll((cursor) => body(api.GET("/v1/webhooks", { params: { query: { account_id: account, limit: 200, cursor } } }))),
    refetchInterval: (q) => ((q.state.data?.length ?? 0) > 400 ? 30_000 : 5000),
  });
  const stats = useQuery({
    queryKey: ["webhook-stats", account],
    queryFn: async () =>
      new Map(
        (
          await readAll((cursor) =>
            body(api.GET("/v1/stats/webhooks", { params: { query: { account_id: account, window: "24h", limit: 200, cursor } } })),
          )
        ).map((s) => [s.webhook_id, s]),
      ),
    refetchInterval: 30_000,
  });
  const wanted = useDeferredValue(hooks.data?.filter((w) => fits(w, filters)).sort(byNeed));
  const filtered = Object.values(filters).some(Boolean);
  return (
    <Page
      title="Webhooks"
      lead="Programs that are told what happens on the phones, and how that goes. What needs you comes first."
      actions={
        <>
          {may && <More />}
          {may && (
            <ButtonLink kind="primary" icon={Plus} href={link("/webhooks/new")}>
              New webhook
            </ButtonLink>
          )}
        </>
      }
    >
      {(hooks.data?.length ?? 0) > 0 && <Filters filters={filters} set={setFilters} hooks={hooks.data ?? []} />}
      <Loaded query={{ ...hooks, data: wanted }} lines={8}>
        {(list) =>
          list.length ? (
            <List key={JSON.stringify(filters)} list={list} stats={stats.data} may={may} />
          ) : (
            <Card>
              {filtered ? (
                <Empty
                  icon={WebhookIcon}
                  title="No webhook is like that"
                  action={<Button onClick={() => setFilters({ q: "", status: "", dialect: "", owner: "" })}>Clear filters</Button>}
                >
                  None of {plural(hooks.data?.length ?? 0, "webhook")} fits all of the filters.
                </Empty>
              ) : (
                <Empty
                  icon={WebhookIcon}
                  title="No webhooks yet"
                  action={
                    may && (
                      <ButtonLink kind="primary" icon={Plus} href={link("/webhooks/new")}>
                        Create a webhook
                      </ButtonLink>
                    )
                  }
                >
                  A webhook sends events, such as an answered call or a new voicemail, to a program of yours. You say where, which and in
                  which shape.
                </Empty>
              )}
            </Card>
          )
        }
      </Loaded>
    </Page>
  );
}

type Values = Record<"q" | "status" | "dialect" | "owner", string>;

function fits(w: Hook, { q, status, dialect, owner }: Values): boolean {
  if (status && w.status !== status) return false;
  if (dialect && w.dialect !== dialect) return false;
  if (owner && w.account_id !== owner) return false;
  const text = `${w.name} ${w.url} ${w.id} ${w.account_id} ${w.events.join(" ")}`.toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function Filters({ filters, set, hooks }: { filters: Values; set(v: Partial<Values>): void; hooks: Hook[] }) {
  const accounts = useAccounts();
  const counts = (s: string) => hooks.filter((w) => w.status === s).length;
  const owners = [...new Set(hooks.map((w) => w.account_id))].sort();
  const nameOf = (id: string) => accounts.data?.find((a) => a.id === id)?.name || id;
  return (
    <search className={css.filters} aria-label="Filters">
      <SearchInput label="Search name, URL, id, event" value={filters.q} onSearch={(q) => set({ q })} />
      <Select
        aria-label="Status"
        value={filters.status}
        onChange={(e) => set({ status: e.target.value })}
        options={[
          { value: "", label: "Any status" },
          ...["failing", "active", "paused", "disabled"].map((s) => ({
            value: s,
            label: `${s[0]?.toUpperCase()}${s.slice(1)} (${counts(s)})`,
          })),
        ]}
      />
      <Select
        aria-label="Shape"
        value={filters.dialect}
        onChange={(e) => set({ dialect: e.target.value })}
        options={[
          { value: "", label: "Any shape" },
          ...[...new Set(hooks.map((w) => w.dialect))].sort().map((d) => ({ value: d, label: dialectOf(d).title })),
        ]}
      />
      {(owners.length > 1 || filters.owner) && (
        <Select
          aria-label="Owner"
          value={filters.owner}
          onChange={(e) => set({ owner: e.target.value })}
          options={[{ value: "", label: "Any account" }, ...owners.map((o) => ({ value: o, label: nameOf(o) }))]}
        />
      )}
    </search>
  );
}

function List({ list, stats, may }: { list: Hook[]; stats?: Map<string, Spark>; may: boolean }) {
  const [shown, setShown] = useState(step);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const link = useKeep();
  const rows = list.slice(0, shown);
  const picked = list.filter((w) => chosen.has(w.id));
  const several = new Set(list.map((w) => w.account_id)).size > 1;
  const toggle = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  const columns: (Column<Hook> | false)[] = [
    {
      head: "Webhook",
      narrow: "title",
      cell: (w) => (
        <div className="row" style={{ "--gap": "12px" } as never}>
          {may && (
            <input
              type="checkbox"
              className={css.tick}
              aria-label={`Choose ${w.name}`}
              checked={chosen.has(w.id)}
              onChange={(e) => toggle(w.id, e.target.checked)}
            />
          )}
          <div className={css.name}>
            <Link href={link("/webhooks/" + w.id)} className="truncate" dir="auto" title={w.name}>
              {w.name}
            </Link>
            <span className="muted small truncate" title={w.url}>
              {hostOf(w.url)}
              {several && ` · ${w.account_id}`}
            </span>
          </div>
        </div>
      ),
    },
    { head: "Status", cell: (w) => <State of={w.status} /> },
    { head: "Shape", cell: (w) => dialectOf(w.dialect).title },
    {
      head: "Events",
      narrow: "hide",
      cell: (w) => (
        <span className={css.clamp} title={w.events.join(", ")}>
          {summary(w.events)}
        </span>
      ),
    },
    {
      head: "Last 24 h",
      cell: (w) => {
        const s = stats?.get(w.id);
        const part = s && share(s.success, s.failure);
        if (!s || part === undefined) return null;
        return (
          <div className={css.trend}>
            <Sparkline good={coarse(s.success)} bad={coarse(s.failure)} label={`Attempts of the last 24 hours: ${percent(part)} taken`} />
          </div>
        );
      },
    },
    {
      head: "Taken",
      align: "end",
      cell: (w) => {
        const s = stats?.get(w.id);
        const part = s && share(s.success, s.failure);
        return part === undefined ? null : (
          <span data-low={part < 0.95 || undefined} className={css.share}>
            {percent(part)}
          </span>
        );
      },
    },
    { head: "Waiting", align: "end", cell: (w) => (w.stats.pending ? count(w.stats.pending, true) : null) },
    { head: "What is wrong", cell: (w) => <Wrong hook={w} spark={stats?.get(w.id)} /> },
  ];
  return (
    <Card flush>
      {picked.length > 0 && <Bulk picked={picked} clear={() => setChosen(new Set())} all={list} choose={setChosen} />}
      <Table
        label="Webhooks"
        items={rows}
        id={(w) => w.id}
        href={(w) => link("/webhooks/" + w.id)}
        mark={(w) =>
          chosen.has(w.id) ? "chosen" : w.status === "failing" ? "bad" : turnedOffByUs(w) || w.status === "paused" ? "warn" : undefined
        }
        columns={columns.filter((c) => c !== false)}
      />
      {list.length > shown && (
        <div className={css.more}>
          <Button kind="quiet" onClick={() => setShown(shown + step)}>
            Show {Math.min(step, list.length - shown)} more of {count(list.length)}
          </Button>
        </div>
      )}
    </Card>
  );
}

/** The last error in words, or why nothing is sent. */
function Wrong({ hook, spark }: { hook: Hook; spark?: Spark }) {
  const now = useNow();
  const { stats, status } = hook;
  if (status === "disabled") return <span className={css.reason}>{hook.disable_reason}</span>;
  if (status === "paused")
    return hook.paused_at ? (
      <span>
        Paused <Time at={hook.paused_at} as="ago" />
      </span>
    ) : (
      "Paused"
    );
  const error = stats.last_error ?? spark?.last_error;
  const at = stats.last_error_at ?? spark?.last_error_at;
  if (status === "failing") {
    return (
      <div className={css.reason}>
        <span className={css.clamp} title={error}>
          {error}
        </span>
        <span className="muted small">
          {at && <Time at={at} as="ago" />}
          {stats.next_probe_at && `${at ? " · " : ""}${nextTry(stats.next_probe_at, now)}`}
        </span>
      </div>
    );
  }
  if (!error || !at || now - new Date(at).getTime() > 24 * 3600_000) return null;
  return (
    <div className={`${css.reason} muted small`}>
      <span className={css.clamp} title={error}>
        {error}
      </span>
      <Time at={at} as="ago" />
    </div>
  );
}

type Action = "pause" | "resume" | "re-enable";

/** What can be done with many at once. */
function Bulk({ picked, clear, all, choose }: { picked: Hook[]; clear(): void; all: Hook[]; choose(ids: ReadonlySet<string>): void }) {
  const [asked, ask] = useState<Action>();
  const [account] = useAccount();
  const who = useWho();
  const client = useQueryClient();
  const of: Record<Action, Hook[]> = {
    pause: picked.filter((w) => w.status === "active" || w.status === "failing"),
    resume: picked.filter((w) => w.status === "paused"),
    "re-enable": picked.filter((w) => w.status === "disabled"),
  };
  async function act(action: Action) {
    const ids = of[action].map((w) => w.id);
    if (action === "re-enable") {
      for (const id of ids) await api.PATCH("/v1/webhooks/{id}", { params: { path: { id } }, body: { enabled: true } as never });
    } else {
      for (let i = 0; i < ids.length; i += 1000) {
        const some = { account_id: account ?? who.account_id, include_subaccounts: true, ids: ids.slice(i, i + 1000) };
        await api.POST(action === "pause" ? "/v1/webhooks/pause" : "/v1/webhooks/resume", { body: some });
      }
    }
    say(`${plural(ids.length, "webhook")} ${done[action]}`);
    clear();
    await client.invalidateQueries({ queryKey: ["webhooks"] });
  }
  const n = asked ? of[asked].length : 0;
  return (
    <div className={css.bulk} role="group" aria-label="With those that are chosen">
      <b className="tabular">{count(picked.length)} chosen</b>
      <Button size="small" icon={Pause} disabled={!of.pause.length} onClick={() => ask("pause")}>
        Pause
      </Button>
      <Button size="small" icon={Play} disabled={!of.resume.length} onClick={() => ask("resume")}>
        Resume
      </Button>
      <Button size="small" icon={Power} disabled={!of["re-enable"].length} onClick={() => ask("re-enable")}>
        Enable
      </Button>
      <span className="grow" />
      {picked.length < all.length && (
        <Button size="small" kind="quiet" onClick={() => choose(new Set(all.map((w) => w.id)))}>
          Choose all {count(all.length)}
        </Button>
      )}
      <Button size="small" kind="quiet" onClick={clear}>
        Choose none
      </Button>
      <Confirm
        open={asked !== undefined}
        onClose={() => ask(undefined)}
        title={asked ? `${verb[asked]} ${plural(n, "webhook")}?` : ""}
        action={asked ? `${verb[asked]} ${plural(n, "webhook")}` : ""}
        onConfirm={() => (asked ? act(asked) : Promise.resolve())}
      >
        {asked && follows[asked]}
      </Confirm>
    </div>
  );
}

const verb = { pause: "Pause", resume: "Resume", "re-enable": "Enable" };
const done = { pause: "paused", resume: "resumed", "re-enable": "enabled" };
const follows = {
  pause: "Nothing is sent to them until they are resumed. Their deliveries wait; events that are of use only for a while may expire.",
  resume: "What waits for them is sent now, each call in its order.",
  "re-enable": "They get events again from now on. What they missed meanwhile comes with a replay of what is missing.",
};

/** What is done to all of an account at once. */
function More() {
  const [asked, ask] = useState(false);
  const [account] = useAccount();
  const who = useWho();
  const client = useQueryClient();
  return (
    <>
      <Menu
        trigger={<Button>More</Button>}
        items={[{ label: "Enable all that Switchhook turned off", icon: Power, onSelect: () => ask(true) }]}
      />
      <Confirm
        open={asked}
        onClose={() => ask(false)}
        title="Enable all that Switchhook turned off?"
        action="Enable them"
        onConfirm={async () => {
          const { items } = await body(
            api.POST("/v1/webhooks/re-enable", { body: { account_id: account ?? who.account_id, include_subaccounts: true } }),
          );
          say(items.length ? `${plural(items.length, "webhook")} enabled` : "None was turned off by Switchhook");
          await client.invalidateQueries({ queryKey: ["webhooks"] });
        }}
      >
        Those whose receivers answered 410, or failed for days. Those that their owners turned off stay off. What they missed comes with a
        replay of what is missing.
      </Confirm>
    </>
  );
}
