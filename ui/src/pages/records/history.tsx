import { useQuery } from "@tanstack/react-query";
import { Activity, PhoneCall } from "lucide-react";
import { Link } from "wouter";
import { api, body } from "../../api/client";
import { given } from "../../api/lists";
import { State, Time, TypeName } from "../../parts/bits";
import { Card, Empty, Loaded } from "../../parts/page";
import { type Column, Table } from "../../parts/table";
import type { Schemas } from "../../api/client";
import { phone } from "../../words/text";
import { kindOf, numberOf, type Record } from "./schemas";

type Call = Schemas["Call"];
type Event = Schemas["Event"];

const text = (v: unknown) => (typeof v === "string" ? v : "");
const party = (call: Call["call"], name: string) => {
  const p = (call as { [k: string]: unknown })[name] as { address?: string; name?: string } | undefined;
  return [p?.name, phone(p?.address ?? "")].filter(Boolean).join(" · ");
};
const callHref = (c: Call) => `/calls/${encodeURIComponent(c.id)}?account=${encodeURIComponent(c.account_id)}`;
const eventHref = (e: Event) => `/events/${encodeURIComponent(e.id)}?account=${encodeURIComponent(e.account_id)}`;

const calls: Column<Call>[] = [
  {
    head: "Begun",
    narrow: "title",
    cell: (c) => (
      <Link href={callHref(c)}>
        <Time at={text((c.call as { created_at?: unknown }).created_at)} />
      </Link>
    ),
  },
  { head: "From", wide: true, cell: (c) => <span dir="auto">{party(c.call, "from")}</span> },
  { head: "To", wide: true, cell: (c) => <span dir="auto">{party(c.call, "to")}</span> },
  { head: "State", align: "end", cell: (c) => <State of={c.status} /> },
];

const events: Column<Event>[] = [
  {
    head: "Event",
    narrow: "title",
    cell: (e) => (
      <Link href={eventHref(e)}>
        <TypeName type={e.type} />
      </Link>
    ),
  },
  { head: "Accepted", align: "end", cell: (e) => <Time at={e.accepted_at} /> },
];

/** The last calls of a record. */
export function RecordCalls({ record }: { record: Record }) {
  const by = kindOf(record.schema).calls;
  const number = numberOf(record);
  const query = given({ account_id: record.account_id, limit: 10, [by ?? ""]: number });
  const asked = useQuery({
    queryKey: ["calls", "of record", query],
    queryFn: () => body(api.GET("/v1/calls", { params: { query } })),
    refetchInterval: 10_000,
    enabled: !!by && !!number,
  });
  if (!by || !number) return null;
  return (
    <Card
      flush
      title="Last calls"
      actions={<Link href={`/calls?${new URLSearchParams({ account: record.account_id, [by]: number })}`}>All calls</Link>}
    >
      <Loaded query={asked}>
        {({ items }) =>
          items.length ? (
            <Table label="Last calls" items={items} columns={calls} id={(c) => c.id} href={callHref} />
          ) : (
            <Empty icon={PhoneCall} title="No calls yet">
              Calls from and to {phone(number)} appear here.
            </Empty>
          )
        }
      </Loaded>
    </Card>
  );
}

/** What happened to the record itself, and with its number. */
export function RecordEvents({ record }: { record: Record }) {
  const number = kindOf(record.schema).calls ? numberOf(record) : undefined;
  const filter: { number?: string; key?: string } = number ? { number } : { key: `${record.schema}/${record.id}` };
  const asked = useQuery({
    queryKey: ["events", "of record", record.account_id, filter],
    queryFn: () => body(api.GET("/v1/events", { params: { query: { account_id: record.account_id, limit: 10, ...filter } } })),
    refetchInterval: 10_000,
  });
  return (
    <Card
      flush
      title="Last events"
      actions={<Link href={`/events?${new URLSearchParams(given({ account: record.account_id, ...filter }))}`}>All events</Link>}
    >
      <Loaded query={asked}>
        {({ items }) =>
          items.length ? (
            <Table label="Last events" items={items} columns={events} id={(e) => e.id} href={eventHref} />
          ) : (
            <Empty icon={Activity} title="No events yet">
              What happens {number ? `with ${phone(number)}` : "to it"} appears here.
            </Empty>
          )
        }
      </Loaded>
    </Card>
  );
}
