import { ArrowDownLeft, ArrowLeftRight, ArrowUpRight, PhoneCall, SearchX, type LucideIcon } from "lucide-react";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { given, useFilters, useList } from "../../api/lists";
import { Badge, State, Time, useNow } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { SearchInput, Segments } from "../../parts/field";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { useAccount, useKeep } from "../../shell/session";
import { type Call, nameOf, numberOf, type Party, resultOf } from "../../words/calls";
import { phone, plural } from "../../words/text";
import { talk } from "../../words/time";
import { type Hook, hookName, useHooks } from "../deliveries/hooks";
import css from "./calls.module.css";
import { type Guess, guess } from "./guess";
import { useWhen, When, whenNames } from "./when";

type CallView = Schemas["CallList"]["items"][number];
const asNames = { number: "number", extension: "extension", call_id: "call id" } as const;

export default function CallsPage() {
  const [filters, set] = useFilters("q", "as", "status", ...whenNames);
  const [account] = useAccount();
  const keep = useKeep();
  const span = useWhen(filters);
  const found = guess(filters.q);
  const sought: Guess =
    found && filters.as in asNames
      ? {
          as: filters.as as keyof typeof asNames,
          value: filters.as === "call_id" ? filters.q : filters.as === "extension" ? filters.q.replace(/\D/g, "") : found.value,
        }
      : found;
  const query = useList(
    ["calls", sought, filters.status, span, account],
    (cursor) =>
      body(
        api.GET("/v1/calls", {
          params: {
            query: given({
              limit: 25,
              cursor,
              summary: true,
              account_id: account,
              status: filters.status as "open" | "ended" | "",
              since: span.since,
              until: span.until,
              [sought?.as ?? "number"]: sought?.value ?? "",
            }),
          },
        }),
      ),
    { fresh: 5000 },
  );
  const hooks = useHooks();
  const filtered = Boolean(filters.q || filters.status || filters.when);
  return (
    <Page title="Calls" lead="Find a call, see what happened in it, and who was told of it.">
      <search className={css.filters}>
        <div className={css.box}>
          <SearchInput label="A number, an extension or a call id" value={filters.q} onSearch={(q) => set({ q, as: "" })} maxLength={256} />
          {sought && <Sought sought={sought} typed={filters.q} onAs={(as) => set({ as })} />}
        </div>
        <When filters={filters} set={set} />
        <Segments
          label="Status"
          value={filters.status || "all"}
          onChange={(v) => set({ status: v === "all" ? "" : v })}
          options={[
            { value: "all", label: "All" },
            { value: "open", label: "Under way" },
            { value: "ended", label: "Ended" },
          ]}
        />
      </search>
      <Card flush>
        <Loaded query={{ ...query, data: query.items }} lines={10}>
          {(items) =>
            items.length || query.hasNextPage ? (
              <div className={query.isPlaceholderData ? css.stale : undefined}>
                <Table
                  label="Calls"
                  items={items}
                  columns={columns(hooks, keep)}
                  id={(c) => c.account_id + c.id}
                  href={(c) => hrefOf(c, keep)}
                  mark={markOf}
                />
                {!items.length && <p className={css.searching}>Nothing yet: the search has not come to its end.</p>}
                <More query={query} />
              </div>
            ) : filtered ? (
              <Empty
                icon={SearchX}
                title="No call fits"
                action={
                  <Button onClick={() => set({ q: "", as: "", status: "", when: "", day: "", time: "", from: "", to: "" })}>
                    Clear filters
                  </Button>
                }
              >
                {sought
                  ? `No call with the ${asNames[sought.as]} ${sought.as === "number" ? phone(sought.value) : sought.value}${filters.when ? " in this time" : ""}. Legs and transfers were looked at, too.`
                  : "Choose a longer time, or another status."}
              </Empty>
            ) : (
              <Empty icon={PhoneCall} title="No calls yet" action={<ButtonLink href={keep("/sources")}>Sources</ButtonLink>}>
                Calls show up here as soon as a phone system tells of them: connect a source, or send events to POST /v1/events.
              </Empty>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}

/** What the search box took its text for, and what else it could be. */
function Sought({ sought, typed, onAs }: { sought: NonNullable<Guess>; typed: string; onAs(as: string): void }) {
  const others = (Object.keys(asNames) as (keyof typeof asNames)[]).filter((a) => a !== sought.as && (a === "call_id" || /\d/.test(typed)));
  return (
    <p className={css.sought}>
      Looking for the {asNames[sought.as]} <b>{sought.as === "number" ? phone(sought.value) : sought.value}</b>. Or as{" "}
      {others.map((a, i) => (
        <span key={a}>
          {i > 0 && ", "}
          <button type="button" onClick={() => onAs(a)}>
            {a === "extension" ? "an" : "a"} {asNames[a]}
          </button>
        </span>
      ))}
    </p>
  );
}

const callOf = (c: CallView) => c.call as Call;
const hrefOf = (c: CallView, keep: (href: string) => string) =>
  keep(`/calls/${encodeURIComponent(c.id)}?of=${encodeURIComponent(c.account_id)}`);
const markOf = (c: CallView) => (c.summary && c.summary.deliveries.failed > 0 ? "bad" : c.summary?.troubled.length ? "warn" : undefined);

const ways: Record<string, { icon: LucideIcon; word: string }> = {
  inbound: { icon: ArrowDownLeft, word: "Inbound" },
  outbound: { icon: ArrowUpRight, word: "Outbound" },
  internal: { icon: ArrowLeftRight, word: "Internal" },
};

function PartyCell({ party, unknown }: { party: Party | undefined; unknown: string }) {
  const name = nameOf(party, unknown);
  const number = numberOf(party);
  return (
    <span className={css.party}>
      <bdi className={number === name ? "truncate tabular" : "truncate"} title={name}>
        {name}
      </bdi>
      {number && number !== name && <small className="truncate tabular">{party?.type === "extension" ? `ext. ${number}` : number}</small>}
    </span>
  );
}

const columns = (hooks: Map<string, Hook>, keep: (href: string) => string): Column<CallView>[] => [
  {
    head: "When",
    width: "132px",
    cell: (c) => <Link href={hrefOf(c, keep)}>{callOf(c).created_at ? <Time at={callOf(c).created_at ?? ""} /> : "unknown"}</Link>,
  },
  {
    head: "From and to",
    wide: true,
    narrow: "title",
    cell: (c) => {
      const way = ways[callOf(c).direction ?? ""];
      return (
        <span className={css.parties}>
          {way && (
            <span className={css.way} title={way.word}>
              <way.icon size={16} aria-label={way.word} />
            </span>
          )}
          <PartyCell party={callOf(c).from} unknown="Unknown caller" />
          <span className="muted" aria-label="to">
            →
          </span>
          <PartyCell party={callOf(c).to} unknown="Unknown" />
        </span>
      );
    },
  },
  {
    head: "Through",
    cell: (c) =>
      c.summary?.through.length ? (
        <span className={css.through}>
          {c.summary.through.map((p) => (
            <Badge key={p.kind + p.id} title={p.kind === "queue" ? "Queue" : "Ring group"}>
              <bdi className={css.short}>{p.name || p.number || p.id}</bdi>
            </Badge>
          ))}
        </span>
      ) : null,
  },
  { head: "Result", cell: (c) => <Result view={c} /> },
  { head: "Length", align: "end", cell: (c) => <Length view={c} /> },
  { head: "Deliveries", cell: (c) => <Deliveries view={c} hooks={hooks} /> },
];

function Result({ view }: { view: CallView }) {
  const r = resultOf(callOf(view), view.status === "open");
  return (
    <span className={css.result}>
      <State of={r.text} tone={r.tone} />
      {r.who && (
        <small className="muted truncate">
          by <bdi>{r.who}</bdi>
        </small>
      )}
    </span>
  );
}

function Length({ view }: { view: CallView }) {
  const c = callOf(view);
  if (view.status === "open" && c.created_at) return <Running since={c.created_at} />;
  return c.duration_ms === undefined ? null : talk(c.duration_ms / 1000);
}

function Running({ since }: { since: string }) {
  return <span className="tabular">{talk((useNow() - Date.parse(since)) / 1000)}</span>;
}

function Deliveries({ view, hooks }: { view: CallView; hooks: Map<string, Hook> }) {
  const s = view.summary;
  if (!s) return <span className="muted">…</span>;
  const { delivered, pending, failed, expired, cancelled } = s.deliveries;
  const all = delivered + pending + failed + expired + cancelled;
  if (!all) return <span className="muted">told to nobody</span>;
  if (!s.troubled.length)
    return pending ? (
      <State of={`${pending} waiting`} tone="info" />
    ) : (
      <State of={cancelled ? `${delivered} of ${all} delivered` : `all ${all} delivered`} tone={cancelled ? "idle" : "ok"} />
    );
  const retrying = s.troubled.reduce((n, t) => n + t.retrying, 0);
  const first = s.troubled.find((t) => t.failed) ?? s.troubled[0];
  const names = s.troubled.map((t) => hookName(hooks, t.webhook_id));
  const text = [failed && `${failed} failed`, expired && `${expired} expired`, retrying && `${retrying} being retried`]
    .filter(Boolean)
    .join(", ");
  return (
    <span className={css.result}>
      <State of={text} tone={failed ? "bad" : "warn"} />
      {first && (
        <small className="muted truncate" title={names.join("\n")}>
          <bdi>{hookName(hooks, first.webhook_id)}</bdi>
          {s.troubled.length > 1 && ` and ${plural(s.troubled.length - 1, "other")}`}
        </small>
      )}
    </span>
  );
}
