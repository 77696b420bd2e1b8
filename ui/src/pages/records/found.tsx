import { useQuery } from "@tanstack/react-query";
import { SearchX } from "lucide-react";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { given } from "../../api/lists";
import { Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Card, Empty, Loaded } from "../../parts/page";
import { type Column, Table } from "../../parts/table";
import { useAccount } from "../../shell/session";
import { hrefOf, kindOf } from "./schemas";
import css from "./records.module.css";

type Hit = Schemas["Hit"];

/** A hit of a record has schema/id for its id. */
const recordOf = (h: Hit) => {
  const cut = h.id.indexOf("/");
  return { schema: h.id.slice(0, cut), id: h.id.slice(cut + 1), account_id: h.account_id };
};

const columns: Column<Hit>[] = [
  {
    head: "Name",
    narrow: "title",
    wide: true,
    cell: (h) => {
      const Icon = kindOf(recordOf(h).schema).icon;
      return (
        <Link href={hrefOf(recordOf(h))} className={css.name}>
          <Icon size={16} aria-hidden />
          <span className="truncate" dir="auto">
            {h.title}
          </span>
        </Link>
      );
    },
  },
  { head: "Kind", cell: (h) => kindOf(recordOf(h).schema).one },
  { head: "Id", narrow: "hide", cell: (h) => <code className={css.cut}>{recordOf(h).id}</code> },
  { head: "Account", cell: (h) => <span className={css.cut}>{h.account_id}</span> },
  { head: "Made", align: "end", cell: (h) => h.at && <Time at={h.at} as="ago" /> },
];

/** The records that a search finds. */
export function Found({ q, schema, onClear }: { q: string; schema: string; onClear(): void }) {
  const [account] = useAccount();
  const found = useQuery({
    queryKey: ["search", "records", account, q],
    queryFn: () => body(api.GET("/v1/search", { params: { query: { q, ...given({ account_id: account }), limit: 100 } } })),
  });
  return (
    <Card flush>
      <Loaded query={found} lines={4}>
        {({ items }) => {
          const hits = items.filter((h) => h.kind === "record" && (!schema || h.id.startsWith(schema + "/")));
          return hits.length ? (
            <Table
              label="Records found"
              items={hits}
              columns={columns}
              id={(h) => `${h.account_id}/${h.id}`}
              href={(h) => hrefOf(recordOf(h))}
            />
          ) : (
            <Empty icon={SearchX} title={`Nothing here is called “${q}”`} action={<Button onClick={onClear}>Clear filters</Button>}>
              A search finds an id, a number however it is written, and a part of a name of three letters at least.
            </Empty>
          );
        }}
      </Loaded>
    </Card>
  );
}
