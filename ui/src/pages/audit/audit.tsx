import { ClipboardList, SearchX } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { given, useFilters, useList } from "../../api/lists";
import { Badge, Id, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Diff } from "../../parts/code";
import { Input, SearchInput, Select } from "../../parts/field";
import { Dialog } from "../../parts/overlay";
import { Card, Empty, Facts, Loaded, Note, Page } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { useAccount, useMay, useWho } from "../../shell/session";
import css from "./audit.module.css";

type Entry = Schemas["Audit"];

const resources = [
  "account",
  "api_key",
  "user",
  "session",
  "portal_link",
  "webhook",
  "source",
  "record",
  "dialect_id",
  "job",
  "delivery",
] as const;

/** What was done, as a sentence would say it: "webhook changed". */
const words = (text: string) => text.replaceAll(/[_-]/g, " ");

function who(e: Entry): string {
  const a = e.actor;
  if (a.above) return "somebody above";
  return a.login ?? a.key_name ?? a.key_id ?? "—";
}

/** Where the thing is that was changed. */
function hrefOf(e: Entry): string | undefined {
  const id = encodeURIComponent(e.resource_id);
  const account = `?account=${encodeURIComponent(e.account_id)}`;
  const [schema, ...rest] = e.resource_id.split("/");
  switch (e.resource) {
    case "account":
      return `/accounts/${id}`;
    case "webhook":
      return `/webhooks/${id}${account}`;
    case "source":
      return `/sources/${id}`;
    case "record":
      return `/records/${encodeURIComponent(schema ?? "")}/${encodeURIComponent(rest.join("/"))}${account}`;
    case "delivery":
      return `/deliveries/${id}${account}`;
    default:
      return undefined;
  }
}

const tone = (e: Entry) => (e.action.startsWith("refuse") ? "bad" : e.after === undefined && e.before !== undefined ? "warn" : "idle");

const columnsOf = (show: (e: Entry) => void): Column<Entry>[] => [
  {
    head: "What",
    narrow: "title",
    cell: (e) => (
      <button type="button" className={css.what} onClick={() => show(e)}>
        <Badge tone={tone(e)}>{words(e.action)}</Badge>
      </button>
    ),
  },
  {
    head: "Of",
    wide: true,
    cell: (e) => (
      <span title={e.resource_id}>
        <span className="muted">{words(e.resource)}</span> <code>{e.resource_id}</code>
      </span>
    ),
  },
  { head: "Account", cell: (e) => <Id copy={false}>{e.account_id}</Id> },
  {
    head: "Who",
    cell: (e) => (
      <bdi className={css.who} title={who(e)}>
        {who(e)}
      </bdi>
    ),
  },
  { head: "From", narrow: "hide", cell: (e) => <span className="tabular">{e.actor.address}</span> },
  { head: "When", align: "end", cell: (e) => <Time at={e.at} /> },
];

/** Who changed what, from where, and how it was before. */
export default function AuditPage() {
  const may = useMay("admin");
  const me = useWho();
  return (
    <Page title="Audit" lead="Who changed what, from where, and how it was before: written together with the change.">
      {may ? <Log /> : <Note>To read the audit log needs the role admin. Yours is {me.role}.</Note>}
    </Page>
  );
}

function Log() {
  const [account] = useAccount();
  const [f, set] = useFilters("resource", "resource_id", "action", "user_id", "key_id", "since", "until");
  const [shown, setShown] = useState<Entry>();
  const time = (day: string, end?: boolean) => day && new Date(`${day}T${end ? "23:59:59.999" : "00:00:00"}`).toISOString();
  const list = useList(
    ["audit", account, f],
    (cursor) =>
      body(
        api.GET("/v1/audit", {
          params: {
            query: given({ ...f, account_id: account, since: time(f.since), until: time(f.until, true), cursor, limit: 100 }) as object,
          },
        }),
      ),
    { fresh: 10_000 },
  );
  const filtered = Object.values(f).some(Boolean);
  const clear = () => set({ resource: "", resource_id: "", action: "", user_id: "", key_id: "", since: "", until: "" });
  return (
    <>
      <div className={css.filters}>
        <Select
          aria-label="Kind of thing"
          value={f.resource}
          onChange={(e) => set({ resource: e.target.value })}
          options={[{ value: "", label: "Everything" }, ...resources.map((r) => ({ value: r, label: words(r) }))]}
        />
        <SearchInput label="Id of the thing" value={f.resource_id} onSearch={(v) => set({ resource_id: v })} />
        <SearchInput label="Action, such as update-webhook" value={f.action} onSearch={(v) => set({ action: v })} />
        <div className={css.day}>
          <span aria-hidden>from</span>
          <Input type="date" aria-label="From the day" value={f.since} onChange={(e) => set({ since: e.target.value })} />
        </div>
        <div className={css.day}>
          <span aria-hidden>to</span>
          <Input type="date" aria-label="To the day" value={f.until} onChange={(e) => set({ until: e.target.value })} />
        </div>
      </div>
      {(f.user_id || f.key_id) && (
        <div className="row wrap">
          <Badge tone="info">only by {f.user_id || f.key_id}</Badge>
          <Button size="small" kind="quiet" onClick={() => set({ user_id: "", key_id: "" })}>
            By anybody
          </Button>
        </div>
      )}
      <Card flush>
        <Loaded query={{ ...list, data: list.items }} lines={8}>
          {(items) =>
            items.length ? (
              <>
                <Table
                  label="Changes"
                  items={items}
                  columns={columnsOf(setShown)}
                  id={(e) => String(e.id)}
                  mark={(e) => (tone(e) === "bad" ? "bad" : undefined)}
                />
                <More query={list} />
              </>
            ) : filtered ? (
              <Empty icon={SearchX} title="No change is like that" action={<Button onClick={clear}>Clear filters</Button>}>
                Ids and actions are looked for as they are, in full.
              </Empty>
            ) : (
              <Empty icon={ClipboardList} title="Nothing was changed yet">
                Whatever is changed through the API or this page is told here.
              </Empty>
            )
          }
        </Loaded>
      </Card>
      {shown && (
        <Detail
          entry={shown}
          onClose={() => setShown(undefined)}
          onOnly={(by) => {
            set(by);
            setShown(undefined);
          }}
        />
      )}
    </>
  );
}

function Detail({
  entry: e,
  onClose,
  onOnly,
}: {
  entry: Entry;
  onClose(): void;
  onOnly(by: { user_id?: string; key_id?: string; resource?: string; resource_id?: string }): void;
}) {
  const href = hrefOf(e);
  const text = (o: unknown) => (o === undefined ? "" : JSON.stringify(o, null, 2));
  return (
    <Dialog
      open
      onClose={onClose}
      from="side"
      wide
      title={words(e.action)}
      lead={<Time at={e.at} precise />}
      foot={
        <>
          <Button onClick={() => onOnly({ resource: e.resource, resource_id: e.resource_id })}>All changes of this</Button>
          {(e.actor.user_id ?? e.actor.key_id) && (
            <Button
              onClick={() => onOnly(e.actor.user_id ? { user_id: e.actor.user_id, key_id: "" } : { key_id: e.actor.key_id, user_id: "" })}
            >
              All by the same
            </Button>
          )}
        </>
      }
    >
      <Facts
        items={[
          [
            words(e.resource),
            href && e.after !== undefined ? (
              <Link key="href" href={href}>
                {e.resource_id}
              </Link>
            ) : (
              <Id key="id">{e.resource_id}</Id>
            ),
          ],
          ["Account", e.account_id],
          ["Who", <bdi key="who">{who(e)}</bdi>],
          e.actor.user_id ? ["User", <Id key="user">{e.actor.user_id}</Id>] : undefined,
          e.actor.key_id ? ["API key", <Id key="key">{e.actor.key_id}</Id>] : undefined,
          ["From", e.actor.address],
          ["Request", <Id key="request">{e.request_id}</Id>],
        ]}
      />
      {e.before !== undefined || e.after !== undefined ? (
        <>
          <h3>{e.before === undefined ? "As it was made" : e.after === undefined ? "As it was before it was deleted" : "What changed"}</h3>
          <Diff label="Before and after" before={text(e.before)} after={text(e.after)} />
        </>
      ) : (
        <p className="muted">Nothing but this was written down.</p>
      )}
    </Dialog>
  );
}
