import { Activity, SearchX } from "lucide-react";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { given, useFilters, useList } from "../../api/lists";
import { Time, TypeName } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { SearchInput, Select } from "../../parts/field";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { useAccount, useKeep, useWho } from "../../shell/session";
import { type Call, type Data } from "../../words/calls";
import { tell } from "../../words/events";
import { guess } from "../calls/guess";
import { useMeanings } from "../../api/catalogue";
import { useWhen, When, whenNames } from "../calls/when";
import css from "./events.module.css";
import { TypeSearch } from "./types";

type Event = Schemas["Event"];
const by = [
  { value: "number", label: "Number" },
  { value: "call_id", label: "Call id" },
  { value: "key", label: "Ordering key" },
];

export default function EventsPage() {
  const [filters, set] = useFilters("type", "by", "q", ...whenNames);
  const [account] = useAccount();
  const keep = useKeep();
  const meanings = useMeanings();
  const span = useWhen(filters);
  const as = filters.by || "number";
  const sought = as === "number" ? (guess(filters.q)?.value ?? "") : filters.q;
  const query = useList(
    ["events", filters.type, as, sought, span, account],
    (cursor) =>
      body(
        api.GET("/v1/events", {
          params: {
            query: given({
              limit: 50,
              cursor,
              account_id: account,
              type: filters.type ? [filters.type] : undefined,
              since: span.since,
              until: span.until,
              [as]: sought,
            }),
          },
        }),
      ),
    { fresh: 5000 },
  );
  const columns = useColumns(meanings, keep);
  const filtered = Boolean(filters.type || filters.q || filters.when);
  return (
    <Page title="Events" lead="All that phone systems have told, the newest first.">
      <search className={css.filters}>
        <TypeSearch value={filters.type} onSearch={(type) => set({ type })} />
        <div className={css.with}>
          <Select
            aria-label="Search by"
            value={as}
            onChange={(e) => set({ by: e.target.value === "number" ? "" : e.target.value })}
            options={by}
          />
          <SearchInput label={by.find((b) => b.value === as)?.label ?? ""} value={filters.q} onSearch={(q) => set({ q })} maxLength={256} />
        </div>
        <When filters={filters} set={set} />
      </search>
      <Card flush>
        <Loaded query={{ ...query, data: query.items }} lines={10}>
          {(items) =>
            items.length || query.hasNextPage ? (
              <div className={query.isPlaceholderData ? css.stale : undefined}>
                <Table label="Events" items={items} columns={columns} id={(e) => e.account_id + e.id} href={(e) => hrefOf(e, keep)} />
                <More query={query} />
              </div>
            ) : filtered ? (
              <Empty
                icon={SearchX}
                title="No event fits"
                action={
                  <Button onClick={() => set({ type: "", by: "", q: "", when: "", day: "", time: "", from: "", to: "" })}>
                    Clear filters
                  </Button>
                }
              >
                {filters.type && ![...meanings.keys()].some((t) => matches(filters.type, t)) && !filters.type.startsWith("custom.")
                  ? `There is no type ${filters.type}: a whole name is needed, or * for what is left out, as in call.*`
                  : "Choose a longer time, or less to look for."}
              </Empty>
            ) : (
              <Empty icon={Activity} title="No events yet" action={<ButtonLink href={keep("/sources")}>Sources</ButtonLink>}>
                Events show up here as soon as a phone system tells of them, or somebody sends them to POST /v1/events.
              </Empty>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}

const matches = (glob: string, type: string) =>
  new RegExp(`^${glob.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(type);

export const hrefOf = (e: Pick<Event, "id" | "account_id">, keep: (href: string) => string) =>
  keep(`/events/${encodeURIComponent(e.id)}?of=${encodeURIComponent(e.account_id)}`);

/** The call that an event is of, if it is of one. */
export const callIdOf = (e: Event) => {
  const call: Call | undefined = (e.data as Data).call;
  return call?.root_id ?? call?.id;
};

function useColumns(meanings: Map<string, string>, keep: (href: string) => string): Column<Event>[] {
  const who = useWho();
  const [account] = useAccount();
  return [
    { head: "When", width: "132px", cell: (e) => <Link href={hrefOf(e, keep)}>{<Time at={e.occurred_at} precise />}</Link> },
    { head: "Type", width: "210px", cell: (e) => <TypeName type={e.type} /> },
    {
      head: "What happened",
      wide: true,
      narrow: "title",
      cell: (e) => (
        <bdi title={tell(e, meanings.get(e.type))} className="truncate">
          {tell(e, meanings.get(e.type))}
        </bdi>
      ),
    },
    {
      head: "Call",
      cell: (e) => {
        const id = callIdOf(e);
        return id ? (
          <Link
            href={keep(`/calls/${encodeURIComponent(id)}?of=${encodeURIComponent(e.account_id)}&event=${encodeURIComponent(e.id)}`)}
            title={id}
          >
            Open
          </Link>
        ) : null;
      },
    },
    ...(account || who.account_id !== "root" ? [] : [{ head: "Account", cell: (e: Event) => <code>{e.account_id}</code> }]),
    { head: "Source", narrow: "hide", cell: (e) => (e.source ? <span className="muted">{e.source}</span> : null) },
  ];
}
