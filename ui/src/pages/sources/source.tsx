import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, KeyRound, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link, useLocation, useParams } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { useFilters, useList } from "../../api/lists";
import { Badge, Copy, Id, State, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Code, pretty } from "../../parts/code";
import { Confirm, say, Tabs } from "../../parts/overlay";
import { Card, Empty, Facts, Loaded, Note, Page } from "../../parts/page";
import { More } from "../../parts/table";
import { useMay, useOperator } from "../../shell/session";
import { count, plural } from "../../words/text";
import { SourceDialog } from "./form";
import { kindOf, type Source, stateOf } from "./kinds";
import css from "./sources.module.css";

const above = [{ href: "/sources", label: "Sources" }];

/** One phone system: how it stands, and what it needs on its side. */
export default function SourcePage() {
  const { id: raw = "" } = useParams();
  const id = decodeURIComponent(raw);
  const query = useQuery({
    queryKey: ["source", id],
    queryFn: () => body(api.GET("/v1/sources/{id}", { params: { path: { id } } })),
    refetchInterval: 2000,
  });
  if (query.data) return <Shown source={query.data} />;
  return (
    <Page title={id} above={above}>
      <Loaded query={query} lines={8}>
        {() => null}
      </Loaded>
    </Page>
  );
}

function Shown({ source }: { source: Source }) {
  const kind = kindOf(source.kind);
  const operator = useOperator();
  const admin = useMay("admin");
  const may = admin && (operator || kind.way === "listens");
  const client = useQueryClient();
  const [, go] = useLocation();
  const [{ tab }, set] = useFilters("tab");
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const st = stateOf(source);
  return (
    <Page
      title={source.id}
      above={above}
      beside={<State of={st.word} tone={st.tone} />}
      lead={kind.name}
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
      <Note kind={st.tone === "bad" ? "bad" : st.tone === "ok" ? "ok" : "info"}>
        {st.sentence}{" "}
        {source.since && (
          <span className="muted">
            Since <Time at={source.since} />.
          </span>
        )}
      </Note>
      <Tabs
        label="About this source"
        value={tab || "about"}
        onChange={(t) => set({ tab: t === "about" ? "" : t })}
        tabs={[
          { value: "about", label: "About", content: <About source={source} may={may} /> },
          {
            value: "rejects",
            label: <>Rejects {source.stats.rejects > 0 && <Badge tone="bad">{count(source.stats.rejects)}</Badge>}</>,
            content: <Rejects source={source} />,
          },
        ]}
      />
      {editing && <SourceDialog kind={source.kind} source={source} onClose={() => setEditing(false)} />}
      <Confirm
        open={deleting}
        onClose={() => setDeleting(false)}
        title={`Delete ${source.id}?`}
        action="Delete source"
        danger
        onConfirm={async () => {
          await api.DELETE("/v1/sources/{id}", { params: { path: { id: source.id } } });
          await client.invalidateQueries({ queryKey: ["sources"] });
          say("The source was deleted");
          go("/sources");
        }}
      >
        <p>
          {kind.way === "connects"
            ? "The connection is closed, and calls that are open at it end."
            : "Its address takes nothing any more: what the system sends there is refused."}{" "}
          Events that it has told stay.
        </p>
      </Confirm>
    </Page>
  );
}

function About({ source, may }: { source: Source; may: boolean }) {
  const kind = kindOf(source.kind);
  const { stats, lag } = source;
  const map = Object.entries(source.account_map ?? {});
  const options = Object.entries(source.options ?? {});
  return (
    <div className={css.two}>
      <div className="stack">
        {source.ingest_url && <Ingest source={source} may={may} />}
        <Card title={source.ingest_url ? `In ${kind.name}` : `In ${kind.name}, so that it works`}>
          <ol className={css.steps}>
            {kind.steps.map((s) => (
              <li key={s}>{s}</li>
            ))}
          </ol>
        </Card>
      </div>
      <div className="stack">
        <Card title="What has come" lead="Since the program’s start.">
          <Facts
            columns
            items={[
              ["Messages", count(stats.messages)],
              ["Events made", count(stats.events)],
              ["Rejects", count(stats.rejects)],
              kind.way === "connects" && ["Connected again", count(stats.reconnects ?? 0)],
              ["Last message", stats.last_message_at ? <Time key="last" at={stats.last_message_at} as="ago" /> : "none"],
              lag && ["Behind", lag.messages ? `${plural(lag.messages, "message")}, the oldest ${lag.age}` : "not at all"],
            ]}
          />
          {stats.messages > 0 && !stats.rejects && (
            <p className={css.fine}>
              <CircleCheck size={16} aria-hidden /> All of it could be read.
            </p>
          )}
        </Card>
        <Card title="Set up">
          <Facts
            items={[
              [
                "Account",
                <Link key="account" href={`/accounts/${encodeURIComponent(source.account_id)}`}>
                  {source.account_id}
                </Link>,
              ],
              source.system ? ["System", source.system] : undefined,
              ...map.map(([theirs, ours]) => [theirs, <span key={theirs}>is {ours}</span>] as const),
              ...options.map(
                ([name, v]) =>
                  [
                    name.replaceAll("_", " "),
                    <code key={name} className={css.option}>
                      {typeof v === "string" ? v : JSON.stringify(v)}
                    </code>,
                  ] as const,
              ),
              ["Made", <Time key="made" at={source.created_at} />],
              ["Changed", <Time key="changed" at={source.updated_at} />],
            ]}
          />
        </Card>
      </div>
    </div>
  );
}

function Ingest({ source, may }: { source: Source; may: boolean }) {
  const client = useQueryClient();
  const [rotating, setRotating] = useState(false);
  const url = new URL(source.ingest_url ?? "", location.origin).href;
  return (
    <Card
      title="Its address here"
      lead="Where the system posts. Its last part is a secret: who has it can send events."
      actions={
        may && (
          <Button size="small" icon={KeyRound} onClick={() => setRotating(true)}>
            New address
          </Button>
        )
      }
    >
      <div className={css.url}>
        <code>{url}</code>
        <Copy text={url} label="Copy the address" />
      </div>
      <Confirm
        open={rotating}
        onClose={() => setRotating(false)}
        title="Make a new address?"
        action="Make a new address"
        danger
        onConfirm={async () => {
          const changed = await body(api.POST("/v1/sources/{id}/rotate-token", { params: { path: { id: source.id } } }));
          client.setQueryData(["source", source.id], changed);
          say("The address has changed", "Enter the new one in the system.");
        }}
      >
        <p>
          The one until now is refused at once. Until the new one is entered in {kindOf(source.kind).name}, what it sends is lost unless it
          sends it again.
        </p>
      </Confirm>
    </Card>
  );
}

function Rejects({ source }: { source: Source }) {
  const list = useList(
    ["rejects", source.id],
    (cursor) => body(api.GET("/v1/sources/{id}/rejects", { params: { path: { id: source.id }, query: { cursor, limit: 20 } } })),
    { fresh: 5000 },
  );
  return (
    <Card flush title="Rejects" lead="What could not be read or accepted, as it came. A hundred a minute are kept; all are counted.">
      <Loaded query={{ ...list, data: list.items }} lines={4}>
        {(items) =>
          items.length ? (
            <>
              <ul className={css.rejects}>
                {items.map((r) => (
                  <Reject key={r.id} reject={r} />
                ))}
              </ul>
              <More query={list} />
            </>
          ) : (
            <Empty icon={CircleCheck} title="Nothing was rejected">
              What cannot be read is kept here with the reason, and never stops the source.
            </Empty>
          )
        }
      </Loaded>
    </Card>
  );
}

function Reject({ reject: r }: { reject: Schemas["Reject"] }) {
  const headers = Object.entries(r.headers ?? {});
  return (
    <li>
      <details>
        <summary>
          <span className="grow">
            <b>{r.reason}</b>
            {r.fields?.map((f) => (
              <small key={f.field}>
                <code>{f.field}</code>: {f.message}
              </small>
            ))}
          </span>
          <Time at={r.at} />
        </summary>
        <div className="stack">
          {r.method && <Id copy={false}>{`${r.method} ${r.url ?? ""}`}</Id>}
          {headers.length > 0 && <Code language="text" label="the headers" text={headers.map(([n, v]) => `${n}: ${v}`).join("\n")} />}
          {r.body ? (
            <Code label="the body" text={pretty(r.body)} language={/^\s*[{[]/.test(r.body) ? "json" : "text"} />
          ) : (
            <p className="muted">It had no body.</p>
          )}
        </div>
      </details>
    </li>
  );
}
