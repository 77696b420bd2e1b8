import { useQuery } from "@tanstack/react-query";
import { Plus, Webhook as WebhookIcon } from "lucide-react";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { Badge, State } from "../../parts/bits";
import { ButtonLink } from "../../parts/button";
import { Card, Empty, Loaded } from "../../parts/page";
import { type Column, Table } from "../../parts/table";
import { useAccounts } from "../../shell/accounts";
import { useMay } from "../../shell/session";
import { kindOf, numberOf, type Record } from "./schemas";
import css from "./records.module.css";

type Webhook = Schemas["Webhook"];
type Applies = { webhook: Webhook; own: boolean };

const bare = (number: string) => number.replace(/^\+/, "");

/** Whether a webhook takes events of a record: it is in its scope, or it has none. */
function appliesTo(record: Record, w: Webhook): Applies | undefined {
  const scope = w.scope ?? {};
  const scoped = Object.values(scope).some((list) => list?.length);
  if (!scoped) return { webhook: w, own: false };
  const member = kindOf(record.schema).scope;
  const names = (member && scope[member]) ?? [];
  const own = names.some((n) => n === record.id || (numberOf(record) !== undefined && bare(n) === bare(numberOf(record) ?? "")));
  return own ? { webhook: w, own } : undefined;
}

const columnsOf = (record: Record): Column<Applies>[] => [
  {
    head: "Webhook",
    narrow: "title",
    wide: true,
    cell: ({ webhook: w }) => (
      <Link href={`/webhooks/${encodeURIComponent(w.id)}?account=${encodeURIComponent(w.account_id)}`} dir="auto">
        {w.name || w.url}
      </Link>
    ),
  },
  { head: "State", cell: ({ webhook: w }) => <State of={w.status} title={w.disable_reason} /> },
  {
    head: "For",
    cell: ({ webhook: w, own }) =>
      own ? (
        <Badge tone="info">this {kindOf(record.schema).one}</Badge>
      ) : w.account_id === record.account_id ? (
        <Badge>all of the account</Badge>
      ) : (
        <Badge>all below {w.account_id}</Badge>
      ),
  },
  {
    head: "Events",
    cell: ({ webhook: w }) => (
      <span className={css.cut} title={w.events.join("\n")}>
        {w.events.join(", ")}
      </span>
    ),
  },
  { head: "Shape", cell: ({ webhook: w }) => w.dialect },
];

/** The webhooks of a record: those for it alone, and those for all of its account. */
export function RecordWebhooks({ record }: { record: Record }) {
  const may = useMay("developer");
  const accounts = useAccounts();
  const kind = kindOf(record.schema);
  const hooks = useQuery({
    queryKey: ["webhooks", "of record", record.account_id],
    queryFn: () => body(api.GET("/v1/webhooks", { params: { query: { limit: 500 } } })),
  });
  const above = new Set<string>();
  for (let id: string | undefined = record.account_id; id && !above.has(id);) {
    above.add(id);
    id = accounts.data?.find((a) => a.id === id)?.parent_id;
  }
  const add = new URLSearchParams({ account: record.account_id });
  if (kind.scope) add.set(`scope_${kind.scope}`, numberOf(record) ?? record.id);
  const columns = columnsOf(record);
  return (
    <Card
      flush
      title="Webhooks"
      lead={
        kind.scope
          ? `Those for this ${kind.one} alone, and those for everything in its account.`
          : `Webhooks cannot be made for one ${kind.one} alone: these are for everything in its account.`
      }
      actions={
        may && (
          <ButtonLink href={`/webhooks/new?${add}`} icon={Plus} kind="primary" size="small">
            Add webhook
          </ButtonLink>
        )
      }
    >
      <Loaded query={hooks}>
        {({ items }) => {
          const applying = items
            .filter((w) => w.account_id === record.account_id || (w.include_subaccounts && above.has(w.account_id)))
            .flatMap((w) => appliesTo(record, w) ?? [])
            .toSorted((a, b) => Number(b.own) - Number(a.own));
          return applying.length ? (
            <Table
              label="Webhooks of this record"
              items={applying}
              columns={columns}
              id={(a) => a.webhook.id}
              href={({ webhook: w }) => `/webhooks/${encodeURIComponent(w.id)}?account=${encodeURIComponent(w.account_id)}`}
              mark={({ webhook: w }) => (w.status === "failing" ? "bad" : undefined)}
            />
          ) : (
            <Empty icon={WebhookIcon} title={`No webhook hears of this ${kind.one}`}>
              {may ? "Add one: its scope is filled in already." : "Somebody with the role developer can add one."}
            </Empty>
          );
        }}
      </Loaded>
    </Card>
  );
}
