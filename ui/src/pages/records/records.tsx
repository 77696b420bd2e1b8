import { Contact, Plus, SearchX } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, body } from "../../api/client";
import { given, useFilters, useList } from "../../api/lists";
import { Id, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { SearchInput, Select } from "../../parts/field";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { useAccount, useMay } from "../../shell/session";
import { phone } from "../../words/text";
import { Found } from "./found";
import { RecordDialog } from "./recordform";
import { hrefOf, kindOf, kinds, numberOf, type Record, titleOf } from "./schemas";
import css from "./records.module.css";

/** The directory: what belongs to whom. */
export default function RecordsPage() {
  const [account] = useAccount();
  const [filters, set] = useFilters("schema", "q");
  const [making, setMaking] = useState(false);
  const may = useMay("developer");
  const kind = filters.schema ? kindOf(filters.schema) : undefined;
  return (
    <Page
      title="Directory"
      lead="Numbers, extensions, queues and all else that belongs to an account. Events say whose they are by it, and each has its own webhooks."
      actions={
        may && (
          <Button kind="primary" icon={Plus} onClick={() => setMaking(true)}>
            Add {kind ? `a ${kind.one}`.replace(/^a (?=[aeio])/, "an ") : "a record"}
          </Button>
        )
      }
    >
      <div className={css.filters}>
        <SearchInput label="Number, name or id" value={filters.q} onSearch={(q) => set({ q })} />
        <Select
          aria-label="Kind"
          value={filters.schema}
          onChange={(e) => set({ schema: e.target.value })}
          options={[
            { value: "", label: "All kinds" },
            ...Object.entries(kinds).map(([value, k]) => ({ value, label: k.many })),
            ...(filters.schema && !kinds[filters.schema] ? [{ value: filters.schema, label: kindOf(filters.schema).many }] : []),
          ]}
        />
      </div>
      {filters.q ? (
        <Found q={filters.q} schema={filters.schema} onClear={() => set({ q: "", schema: "" })} />
      ) : (
        <List
          schema={filters.schema}
          account={account}
          onClear={() => set({ schema: "" })}
          onAdd={may ? () => setMaking(true) : undefined}
        />
      )}
      {making && <RecordDialog schema={filters.schema || "number"} onClose={() => setMaking(false)} />}
    </Page>
  );
}

const columns: Column<Record>[] = [
  {
    head: "Name",
    narrow: "title",
    wide: true,
    cell: (r) => {
      const Icon = kindOf(r.schema).icon;
      return (
        <Link href={hrefOf(r)} className={css.name}>
          <Icon size={16} aria-hidden />
          <span className="truncate" dir="auto">
            {titleOf(r)}
          </span>
        </Link>
      );
    },
  },
  { head: "Kind", cell: (r) => kindOf(r.schema).one },
  { head: "Number", cell: (r) => phone(numberOf(r) ?? "") || undefined },
  {
    head: "Id",
    narrow: "hide",
    cell: (r) => (
      <span className={css.idCell}>
        <Id copy={false}>{r.id}</Id>
      </span>
    ),
  },
  {
    head: "Account",
    cell: (r) => (
      <span className={css.cut} dir="auto">
        {r.account_id}
      </span>
    ),
  },
  { head: "Changed", align: "end", cell: (r) => <Time at={r.updated_at} as="ago" /> },
];

function List({ schema, account, onClear, onAdd }: { schema: string; account?: string; onClear(): void; onAdd?(): void }) {
  const list = useList(
    ["records", account, schema],
    (cursor) => body(api.GET("/v1/records", { params: { query: given({ account_id: account, schema, cursor, limit: 100 }) } })),
    { fresh: 15_000 },
  );
  return (
    <Card flush>
      <Loaded query={{ ...list, data: list.items }} lines={8}>
        {(items) =>
          items.length ? (
            <>
              <Table label="Records" items={items} columns={columns} id={(r) => `${r.account_id}/${r.schema}/${r.id}`} href={hrefOf} />
              <More query={list} />
            </>
          ) : schema ? (
            <Empty
              icon={SearchX}
              title={`No ${kindOf(schema).many.toLowerCase()} here`}
              action={<Button onClick={onClear}>Show all kinds</Button>}
            >
              Nothing of this kind has been recorded{account ? " in this account" : ""}.
            </Empty>
          ) : (
            <Empty
              icon={Contact}
              title="The directory is empty"
              action={
                onAdd && (
                  <Button onClick={onAdd} icon={Plus}>
                    Add a record
                  </Button>
                )
              }
            >
              Say which numbers, extensions and queues belong to whom: by hand here, or from your provisioning with PUT /v1/records. Events
              then carry their names, and go to the right account.
            </Empty>
          )
        }
      </Loaded>
    </Card>
  );
}
