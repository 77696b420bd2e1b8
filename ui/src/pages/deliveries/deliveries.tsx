import { SearchX, Send } from "lucide-react";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { given, useFilters, useList } from "../../api/lists";
import { Badge, State, Status, Time, TypeName, useNow } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { Segments, Select } from "../../parts/field";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { useAccount, useKeep, useWho } from "../../shell/session";
import { ago, span as lasted } from "../../words/time";
import { TypeSearch } from "../events/types";
import { useWhen, When, whenNames } from "../calls/when";
import css from "./list.module.css";
import { type Hook, hookName, useHooks } from "./hooks";
import { Retry } from "./retry";
import { AttemptSheet } from "./view";
import { whyOf } from "./why";

type Delivery = Schemas["Delivery"];
type Attempt = Schemas["Attempt"];
type Keep = (href: string) => string;

const states = [
  { value: "", label: "Every state" },
  { value: "pending", label: "Pending" },
  { value: "delivered", label: "Delivered" },
  { value: "failed", label: "Failed" },
  { value: "expired", label: "Expired" },
  { value: "cancelled", label: "Cancelled" },
];
const outcomes = [
  { value: "", label: "Every outcome" },
  { value: "success", label: "Success" },
  { value: "failure", label: "Failure" },
];

export default function DeliveriesPage() {
  const [filters, set] = useFilters("view", "webhook", "type", "state", "outcome", "attempt", ...whenNames);
  const [account] = useAccount();
  const hooks = useHooks();
  const attempts = filters.view === "attempts";
  const mine = [...hooks.values()].filter((h) => !account || h.account_id === account);
  const clear = () => set({ webhook: "", type: "", state: "", outcome: "", when: "", day: "", time: "", from: "", to: "" });
  const filtered = Boolean(filters.webhook || filters.type || filters.state || filters.outcome || filters.when);
  const shared = { filters, hooks, account, empty: <None filtered={filtered} clear={clear} /> };
  return (
    <Page
      title="Deliveries"
      lead={attempts ? "Every try to deliver, the newest first." : "One event for one webhook each, and how it stands."}
    >
      <search className={css.filters}>
        <Segments
          label="What is listed"
          value={filters.view || "deliveries"}
          onChange={(v) => set({ view: v === "attempts" ? v : "", state: "", outcome: "" })}
          options={[
            { value: "deliveries", label: "Deliveries" },
            { value: "attempts", label: "Attempts" },
          ]}
        />
        <Select
          aria-label="Webhook"
          value={filters.webhook}
          onChange={(e) => set({ webhook: e.target.value })}
          options={[{ value: "", label: "All webhooks" }, ...mine.map((h) => ({ value: h.id, label: hookName(hooks, h.id).slice(0, 60) }))]}
        />
        {attempts ? (
          <Select aria-label="Outcome" value={filters.outcome} onChange={(e) => set({ outcome: e.target.value })} options={outcomes} />
        ) : (
          <Select aria-label="State" value={filters.state} onChange={(e) => set({ state: e.target.value })} options={states} />
        )}
        <TypeSearch value={filters.type} onSearch={(type) => set({ type })} />
        <When filters={filters} set={set} />
      </search>
      {attempts ? <AttemptList {...shared} onOpen={(id) => set({ attempt: id })} /> : <DeliveryList {...shared} />}
      <AttemptSheet id={filters.attempt} onClose={() => set({ attempt: "" })} />
    </Page>
  );
}

function None({ filtered, clear }: { filtered: boolean; clear(): void }) {
  const keep = useKeep();
  return filtered ? (
    <Empty icon={SearchX} title="Nothing fits" action={<Button onClick={clear}>Clear filters</Button>}>
      Choose a longer time, another state, or all webhooks.
    </Empty>
  ) : (
    <Empty icon={Send} title="Nothing was delivered yet" action={<ButtonLink href={keep("/webhooks")}>Webhooks</ButtonLink>}>
      A delivery is made for each event that a webhook wants: make a webhook, and send it a test.
    </Empty>
  );
}

interface ListProps {
  filters: Record<"webhook" | "type" | "state" | "outcome" | (typeof whenNames)[number], string>;
  hooks: Map<string, Hook>;
  account: string | undefined;
  empty: React.ReactNode;
}

function DeliveryList({ filters, hooks, account, empty }: ListProps) {
  const keep = useKeep();
  const when = useWhen(filters);
  const { webhook, type, state } = filters;
  const query = useList(
    ["deliveries", webhook, type, state, when, account],
    (cursor) =>
      body(
        api.GET("/v1/deliveries", {
          params: {
            query: given({
              limit: 50,
              cursor,
              account_id: account,
              webhook_id: webhook,
              type: type ? [type] : undefined,
              state: state as "pending" | "",
              ...when,
            }),
          },
        }),
      ),
    { fresh: 4000 },
  );
  const columns = useDeliveryColumns(hooks, keep);
  return (
    <Card flush>
      <Loaded query={{ ...query, data: query.items }} lines={10}>
        {(items) =>
          items.length ? (
            <div className={query.isPlaceholderData ? css.stale : undefined}>
              <Table
                label="Deliveries"
                items={items}
                columns={columns}
                id={(d) => d.id}
                href={(d) => keep(`/deliveries/${encodeURIComponent(d.id)}`)}
              />
              <More query={query} />
            </div>
          ) : (
            empty
          )
        }
      </Loaded>
    </Card>
  );
}

function useOfAccount<T extends { account_id: string }>(): Column<T>[] {
  const who = useWho();
  const [account] = useAccount();
  return account || who.account_id !== "root" ? [] : [{ head: "Account", cell: (x) => <code>{x.account_id}</code> }];
}

function useDeliveryColumns(hooks: Map<string, Hook>, keep: Keep): Column<Delivery>[] {
  return [
    {
      head: "Event",
      width: "132px",
      cell: (d) => (
        <Link href={keep(`/deliveries/${encodeURIComponent(d.id)}`)}>
          <Time at={d.accepted_at} />
        </Link>
      ),
    },
    { head: "State", width: "110px", cell: (d) => <State of={d.state} /> },
    { head: "Type", cell: (d) => <TypeName type={d.event_type} />, narrow: "title" },
    {
      head: "Webhook",
      wide: true,
      cell: (d) => (
        <span className={css.two}>
          <bdi className="truncate" title={hookName(hooks, d.webhook_id)}>
            {hookName(hooks, d.webhook_id)}
          </bdi>
          <Why delivery={d} hook={hooks.get(d.webhook_id)} />
        </span>
      ),
    },
    { head: "Attempts", align: "end", cell: (d) => d.attempts },
    ...useOfAccount<Delivery>(),
    { head: "", align: "end", narrow: "hide", cell: (d) => (d.state === "delivered" ? null : <Retry delivery={d} />) },
  ];
}

/** Why it stands so, as far as the delivery alone tells. */
function Why({ delivery: d, hook }: { delivery: Delivery; hook: Hook | undefined }) {
  if (d.state === "delivered") return null;
  return (
    <small className="muted truncate" title={d.reason}>
      {d.state === "pending" ? <Next delivery={d} hook={hook} /> : whyOf(d, [], hook, 0)}
    </small>
  );
}

function Next({ delivery: d, hook }: { delivery: Delivery; hook: Hook | undefined }) {
  const now = useNow();
  if (d.next_attempt_at && Date.parse(d.next_attempt_at) > now) return `Next try ${ago(d.next_attempt_at, now)}`;
  return whyOf(d, [], hook, now);
}

function useAttemptColumns(hooks: Map<string, Hook>, keep: Keep, onOpen: (id: string) => void): Column<Attempt>[] {
  const more = useOfAccount<Attempt>();
  return [
    {
      head: "When",
      width: "132px",
      cell: (a) => (
        <Link
          href={keep(`/attempts/${encodeURIComponent(a.id)}`)}
          onClick={(e) => {
            if (e.metaKey || e.ctrlKey || e.shiftKey) return;
            e.preventDefault();
            onOpen(a.id);
          }}
        >
          <Time at={a.started_at} precise />
        </Link>
      ),
    },
    {
      head: "Answer",
      width: "100px",
      cell: (a) => (a.attempt_number ? <Status code={a.response?.status} error={a.error} /> : <State of={a.delivery_state} />),
    },
    { head: "Type", cell: (a) => <TypeName type={a.event_type} />, narrow: "title" },
    {
      head: "Webhook",
      wide: true,
      cell: (a) => (
        <span className={css.two}>
          <span className="row">
            <bdi className="truncate" title={hookName(hooks, a.webhook_id)}>
              {hookName(hooks, a.webhook_id)}
            </bdi>
            <Badge>{a.dialect}</Badge>
          </span>
          {a.error && (
            <small className="muted truncate" title={a.error}>
              {a.error}
            </small>
          )}
        </span>
      ),
    },
    { head: "Attempt", align: "end", cell: (a) => (a.attempt_number ? `#${a.attempt_number}` : "none") },
    { head: "Took", align: "end", cell: (a) => (a.attempt_number ? lasted(a.duration_ms) : "") },
    ...more,
  ];
}

function AttemptList({ filters, hooks, account, empty, onOpen }: ListProps & { onOpen(id: string): void }) {
  const keep = useKeep();
  const when = useWhen(filters);
  const { webhook, type, outcome } = filters;
  const query = useList(
    ["attempts", "list", webhook, type, outcome, when, account],
    (cursor) =>
      body(
        api.GET("/v1/attempts", {
          params: {
            query: given({
              limit: 50,
              cursor,
              account_id: account,
              webhook_id: webhook,
              type: type ? [type] : undefined,
              outcome: outcome as "success" | "",
              ...when,
            }),
          },
        }),
      ),
    { fresh: 4000 },
  );
  const columns = useAttemptColumns(hooks, keep, onOpen);
  return (
    <Card flush>
      <Loaded query={{ ...query, data: query.items }} lines={10}>
        {(items) =>
          items.length ? (
            <div className={query.isPlaceholderData ? css.stale : undefined}>
              <Table
                label="Attempts"
                items={items}
                columns={columns}
                id={(a) => a.id}
                mark={(a) => (a.outcome === "failure" ? "bad" : undefined)}
                href={(a) => keep(`/attempts/${encodeURIComponent(a.id)}`)}
              />
              <More query={query} />
            </div>
          ) : (
            empty
          )
        }
      </Loaded>
    </Card>
  );
}
