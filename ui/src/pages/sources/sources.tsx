import { useQuery } from "@tanstack/react-query";
import { Plug, Plus } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, body } from "../../api/client";
import { given, useFilters, useList } from "../../api/lists";
import { Id, State, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Card, Empty, Loaded, Note, Page } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { useAccount, useMay, useOperator } from "../../shell/session";
import { count } from "../../words/text";
import { SourceDialog } from "./form";
import { hrefOf, kindOf, kinds, type Source, stateOf } from "./kinds";
import css from "./sources.module.css";

const columns: Column<Source>[] = [
  {
    head: "Source",
    narrow: "title",
    cell: (s) => (
      <Link href={hrefOf(s)}>
        <Id copy={false}>{s.id}</Id>
      </Link>
    ),
  },
  { head: "System", cell: (s) => s.system ?? kindOf(s.kind).name },
  {
    head: "State",
    cell: (s) => {
      const st = stateOf(s);
      return <State of={st.word} tone={st.tone} title={st.sentence} />;
    },
  },
  { head: "Account", cell: (s) => <Id copy={false}>{s.account_id}</Id> },
  {
    head: "Last message",
    cell: (s) => (s.stats.last_message_at ? <Time at={s.stats.last_message_at} as="ago" /> : <span className="muted">none</span>),
  },
  { head: "Events", align: "end", cell: (s) => count(s.stats.events) },
  {
    head: "Rejects",
    align: "end",
    cell: (s) =>
      s.stats.rejects ? (
        <Link href={`${hrefOf(s)}?tab=rejects`} className={css.bad}>
          {count(s.stats.rejects)}
        </Link>
      ) : (
        "0"
      ),
  },
];

/** The phone systems that tell events. */
export default function SourcesPage() {
  const [account] = useAccount();
  const may = useMay("admin");
  const [{ add }, set] = useFilters("add");
  const [making, setMaking] = useState(false);
  const list = useList(
    ["sources", account],
    (cursor) => body(api.GET("/v1/sources", { params: { query: given({ account_id: account, cursor, limit: 100 }) } })),
    { fresh: 3000 },
  );
  const open = (kind: string) => set({ add: kind });
  return (
    <Page
      title="Sources"
      lead="The phone systems that tell what happens: by a connection of ours, or by webhooks of their own."
      actions={
        may && (
          <Button kind="primary" icon={Plus} onClick={() => setMaking(!making)} aria-expanded={making}>
            Add source
          </Button>
        )
      }
    >
      <Loaded query={{ ...list, data: list.items }} lines={6}>
        {(items) => (
          <>
            {items.length > 0 && (
              <Card flush>
                <Table<Source>
                  label="Sources"
                  items={items}
                  columns={columns}
                  id={(s) => s.id}
                  href={hrefOf}
                  mark={(s) => (s.state === "failing" ? "bad" : undefined)}
                />
                <More query={list} />
              </Card>
            )}
            {!items.length && (
              <Card flush>
                <Empty icon={Plug} title="No phone system is connected yet">
                  {may
                    ? "Choose below which one tells what happens. Programs of your own can send events at once: POST /v1/events with a key of the role ingest."
                    : "Somebody with the role admin can add one."}
                </Empty>
              </Card>
            )}
            {may && (making || !items.length) && <Kinds onChoose={open} />}
          </>
        )}
      </Loaded>
      {add && may && <SourceDialog kind={add} onClose={() => set({ add: "" })} />}
    </Page>
  );
}

function Kinds({ onChoose }: { onChoose(kind: string): void }) {
  const operator = useOperator();
  const info = useQuery({ queryKey: ["info"], queryFn: () => body(api.GET("/v1/info")), staleTime: Number.POSITIVE_INFINITY });
  const known = info.data?.source_kinds ?? Object.keys(kinds);
  const groups = [
    { name: "Switchhook connects to it", list: known.filter((k) => kindOf(k).way === "connects") },
    { name: "It sends its webhooks to Switchhook", list: known.filter((k) => kindOf(k).way === "listens") },
  ];
  return groups.map((g) => (
    <section key={g.name} className="stack">
      <h2>{g.name}</h2>
      {g.name === groups[0]?.name && !operator && <Note>Only the operator makes these: they reach whatever this server reaches.</Note>}
      <div className={css.kinds}>
        {g.list.map((k) => (
          <button
            key={k}
            type="button"
            className={css.kind}
            disabled={kindOf(k).way === "connects" && !operator}
            onClick={() => onChoose(k)}
          >
            <b>{kindOf(k).name}</b>
            <span>{kindOf(k).about}</span>
          </button>
        ))}
      </div>
    </section>
  ));
}
