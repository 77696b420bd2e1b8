import { useQuery } from "@tanstack/react-query";
import { Plus, Send } from "lucide-react";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { type EventType } from "../../api/catalogue";
import { api, body } from "../../api/client";
import { Badge } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { Code } from "../../parts/code";
import { HttpRequest } from "../../parts/http";
import { Confirm, say, Tabs } from "../../parts/overlay";
import { Card, Failure, Note, Page, Skeleton } from "../../parts/page";
import { useAccount, useKeep, useMay, useWho } from "../../shell/session";
import { plural } from "../../words/text";
import { dialectOf, dialects } from "../webhooks/form/dialects";

import { familyOf, familyTitle } from "../webhooks/selection";
import { Freshness, freshness } from "./catalogue";
import { SchemaTable, type Schema } from "./schema";
import css from "./catalogue.module.css";

/** All there is to know of a type of event. */
export default function Type() {
  const { type = "" } = useParams<{ type: string }>();
  const link = useKeep();
  const query = useQuery({
    queryKey: ["event-type", type],
    queryFn: () => body(api.GET("/v1/event-types/{type}", { params: { path: { type } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const above = [
    { href: link("/catalogue"), label: "Catalogue" },
    { href: link("/catalogue") + "#" + familyOf(type), label: familyTitle(familyOf(type)) },
  ];
  if (query.data) return <Shown type={query.data} above={above} />;
  return (
    <Page title={type} above={above}>
      {query.error ? <Failure error={query.error} again={() => void query.refetch()} /> : <Skeleton lines={10} />}
    </Page>
  );
}

function Shown({ type: t, above }: { type: EventType; above: { href: string; label: string }[] }) {
  const [asked, ask] = useState(false);
  const [sent, setSent] = useState<{ id: string; deliveries: number }>();
  const may = useMay("developer");
  const [account] = useAccount();
  const who = useWho();
  const link = useKeep();
  const owner = account ?? who.account_id;
  async function send() {
    const { events } = await body(
      api.POST("/v1/events", { body: { type: t.type, account_id: owner, data: t.sample, source: "sample" } as never }),
    );
    const [receipt] = events;
    if (!receipt) return;
    setSent(receipt);
    say("The sample is sent", `To ${plural(receipt.deliveries, "webhook")}.`);
  }
  return (
    <Page
      title={<code>{t.type}</code>}
      name={t.type}
      above={above}
      beside={<Freshness of={t} />}
      lead={t.description}
      actions={
        may && (
          <>
            <Button icon={Send} onClick={() => ask(true)}>
              Send a sample
            </Button>
            <ButtonLink kind="primary" icon={Plus} href={link("/webhooks/new?events=" + t.type)}>
              Create a webhook for this
            </ButtonLink>
          </>
        )
      }
    >
      {sent && (
        <Note kind="ok">
          The sample was accepted and goes to {plural(sent.deliveries, "webhook")}.{" "}
          <Link href={link("/events/" + sent.id)}>See what becomes of it</Link>
        </Note>
      )}
      <Card>
        <dl className={css.facts}>
          <div>
            <dt>How long it is of use</dt>
            <dd>{freshness[t.freshness]}</dd>
          </div>
          <div>
            <dt>Its order</dt>
            <dd>{orderOf(t)}</dd>
          </div>
          <div>
            <dt>What it carries</dt>
            <dd>{t.resources.length ? t.resources.map((r) => r.replaceAll("_", " ")).join(", ") : "Facts of its own"}</dd>
          </div>
        </dl>
      </Card>
      <div className={css.cols}>
        <Card flush title="What its data has" lead="Members that are not known are left out, or null.">
          <SchemaTable schema={t.schema as Schema} />
        </Card>
        <div className="stack">
          <Card title="What each shape sends" lead="The request that the sample makes, without its signature.">
            <Dialects type={t} />
          </Card>
          <Card title="The sample’s data">
            <Code text={JSON.stringify(t.sample, null, 2)} label="Sample data" />
          </Card>
        </div>
      </div>
      <Confirm open={asked} onClose={() => ask(false)} title="Send a sample of this event?" action="Send the sample" onConfirm={send}>
        An event with the sample’s data is accepted in the account <code>{owner}</code>, as if it had happened. Every webhook there that
        wants it gets it, so a customer’s program may act on it. To try one webhook alone, use its “Test now”.
      </Confirm>
    </Page>
  );
}

function Dialects({ type: t }: { type: EventType }) {
  const names = [...new Set([...dialects.map((d) => d.name), ...t.dialects.map((d) => d.dialect)])];
  return (
    <Tabs
      label="Shape"
      tabs={names.map((name) => {
        const events = t.dialects.filter((d) => d.dialect === name);
        return {
          value: name,
          label: dialectOf(name).title,
          content: (
            <div className="stack">
              {events.length === 0 && (
                <Note>{dialectOf(name).title} has nothing for this event, so a webhook of this shape gets nothing when it happens.</Note>
              )}
              {name === "template" && events.length > 0 ? (
                <Note>The body is the one that you write: any placeholder and every member of the data can be filled in.</Note>
              ) : (
                events.map((d) => (
                  <div key={d.name} className="stack" style={{ "--gap": "var(--s2)" } as never}>
                    <p className="row wrap">
                      <code>{d.name}</code>
                      {d.formats.map((f) => (
                        <Badge key={f}>{f}</Badge>
                      ))}
                      {d.note && <span className="muted small">{d.note}</span>}
                    </p>
                    {d.example ? (
                      <HttpRequest request={d.example} title={`${dialectOf(name).title} ${d.name}`} />
                    ) : (
                      <p className="muted small">The sample is not one of those that it is sent for.</p>
                    )}
                  </div>
                ))
              )}
            </div>
          ),
        };
      })}
    />
  );
}

const keys: Record<string, string> = {
  queue: "queue",
  queuecall: "caller in a queue",
  agent: "agent",
  message: "conversation",
  flow: "call flow",
  voicemail: "voicemail",
  fax: "fax",
  device: "phone",
  port: "port request",
  number: "number",
  user: "user",
  conference: "conference",
  webhook: "webhook",
  source: "source",
  record: "record",
  extension: "extension",
  ring_group: "ring group",
};

/** By what an event of the type is ordered, in words (internal/catalogue, Key). */
export function orderOf({ type, resources }: Pick<EventType, "type" | "resources">): string {
  const family = familyOf(type);
  if (family === "custom") return "None: each is sent as soon as it can be.";
  if (["account", "billing", "system"].includes(family))
    return "All events of this family in an account arrive in the order in which they were accepted.";
  const of =
    resources.includes("call") || ["emergency", "notification", "recording"].includes(family) ? "call" : (keys[family] ?? "object");
  return `The events of one ${of} arrive in the order in which they were accepted.`;
}
