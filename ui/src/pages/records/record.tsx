import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import { api, body } from "../../api/client";
import { useFilters } from "../../api/lists";
import { Badge, Id, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Code } from "../../parts/code";
import { DialectIds } from "../../parts/dialectids";
import { Confirm, say, Tabs } from "../../parts/overlay";
import { Card, Facts, Failure, Loaded, Page } from "../../parts/page";
import { useAccount, useMay, useWho } from "../../shell/session";
import { phone } from "../../words/text";
import { RecordCalls, RecordEvents } from "./history";
import { RecordWebhooks } from "./hooks";
import { RecordDialog } from "./recordform";
import { kindOf, numberOf, type Record, titleOf } from "./schemas";
import css from "./records.module.css";

/** One thing of the directory, with its webhooks and what happened to it. */
export default function RecordPage() {
  const { schema = "", id = "" } = useParams();
  const who = useWho();
  const [looked] = useAccount();
  const account = looked ?? who.account_id;
  const path = { schema: decodeURIComponent(schema), id: decodeURIComponent(id) };
  const query = useQuery({
    queryKey: ["record", account, path.schema, path.id],
    queryFn: () => body(api.GET("/v1/records/{schema}/{id}", { params: { path, query: { account_id: account } } })),
  });
  const kind = kindOf(path.schema);
  const above = [{ href: `/records?${new URLSearchParams({ account, schema: path.schema })}`, label: kind.many }];
  if (query.error) {
    return (
      <Page title={path.id} above={above}>
        <Failure error={query.error} again={() => void query.refetch()} />
      </Page>
    );
  }
  return query.data ? (
    <Shown record={query.data} above={above} />
  ) : (
    <Page title={path.id} above={above}>
      <Loaded query={query} lines={8}>
        {() => null}
      </Loaded>
    </Page>
  );
}

const label = (name: string) => (name[0] ?? "").toUpperCase() + name.slice(1).replaceAll("_", " ");

function value(name: string, v: unknown) {
  if (v === null || v === undefined || v === "") return <span className="muted">—</span>;
  if (typeof v === "object") return <code className={css.value}>{JSON.stringify(v)}</code>;
  if (typeof v === "boolean") return v ? "yes" : "no";
  if (typeof v === "string") return <span dir="auto">{/number|btn|extension/.test(name) ? phone(v) : v}</span>;
  return String(v as number);
}

function Shown({ record, above }: { record: Record; above: { href: string; label: string }[] }) {
  const may = useMay("developer");
  const client = useQueryClient();
  const [, go] = useLocation();
  const [{ tab }, set] = useFilters("tab");
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const kind = kindOf(record.schema);
  const title = titleOf(record);
  const number = numberOf(record);
  return (
    <Page
      title={<bdi>{title}</bdi>}
      name={title}
      above={above}
      beside={number && number !== title ? <Badge tone="info">{phone(number)}</Badge> : undefined}
      lead={kind.about}
      actions={
        may && (
          <>
            <Button icon={Pencil} onClick={() => setEditing(true)}>
              Edit
            </Button>
            <Button kind="danger" icon={Trash2} onClick={() => setDeleting(true)}>
              Delete
            </Button>
          </>
        )
      }
    >
      <Tabs
        label={`About this ${kind.one}`}
        value={tab || "webhooks"}
        onChange={(t) => set({ tab: t === "webhooks" ? "" : t })}
        tabs={[
          { value: "webhooks", label: "Webhooks", content: <RecordWebhooks record={record} /> },
          {
            value: "fields",
            label: "Fields",
            content: (
              <div className={css.two}>
                <Card title="Fields">
                  <Facts
                    items={[
                      ["Kind", kind.one],
                      ["Id", <Id key="id">{record.id}</Id>],
                      [
                        "Account",
                        <Id key="account" copy={false}>
                          {record.account_id}
                        </Id>,
                      ],
                      ...Object.entries(record.row).map(([name, v]) => [label(name), value(name, v)] as const),
                      ["Made", <Time key="made" at={record.created_at} />],
                      ["Changed", <Time key="changed" at={record.updated_at} />],
                    ]}
                  />
                </Card>
                <Card
                  title="As JSON"
                  lead={
                    <code>
                      GET /v1/records/{record.schema}/{record.id}
                    </code>
                  }
                >
                  <Code label="the record" text={JSON.stringify(record.row, null, 2)} />
                </Card>
              </div>
            ),
          },
          {
            value: "history",
            label: kind.calls ? "Calls and events" : "Events",
            content: (
              <div className={css.two}>
                <RecordCalls record={record} />
                <RecordEvents record={record} />
              </div>
            ),
          },
          {
            value: "ids",
            label: "Other systems’ ids",
            content: <DialectIds account={record.account_id} schema={record.schema} id={record.id} />,
          },
        ]}
      />
      {editing && <RecordDialog schema={record.schema} record={record} onClose={() => setEditing(false)} />}
      <Confirm
        open={deleting}
        onClose={() => setDeleting(false)}
        title={`Delete this ${kind.one}?`}
        action="Delete"
        danger
        onConfirm={async () => {
          await api.DELETE("/v1/records/{schema}/{id}", {
            params: { path: { schema: record.schema, id: record.id }, query: { account_id: record.account_id } },
          });
          await client.invalidateQueries({ queryKey: ["records"] });
          say(`The ${kind.one} was deleted`, "It was told as record.deleted.");
          go(above[0]?.href ?? "/records");
        }}
      >
        <p>
          <b dir="auto">{title}</b> is taken out of the directory, and webhooks for record.deleted hear of it. Events no longer carry its
          name, and what was only known by it goes to the account of its source. Its past stays.
        </p>
      </Confirm>
    </Page>
  );
}
