import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Activity, PhoneCall, RotateCw, SearchX } from "lucide-react";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { api, body, Problem } from "../../api/client";
import { mails, type WholeMail } from "../../api/mail";
import { Badge, Id, Time, TypeName } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { Code } from "../../parts/code";
import { MailView } from "../../parts/mailview";
import { Confirm, say, Tabs } from "../../parts/overlay";
import { Card, Empty, Facts, Loaded, Note, Page } from "../../parts/page";
import { useKeep, useMay } from "../../shell/session";
import { becameOf, mediumName, titleOf } from "../../words/mail";
import { plural } from "../../words/text";
import { callIdOf } from "../events/events";
import { MailState } from "./mails";
import { Tries, useTries } from "./tries";
import css from "./mails.module.css";

/** A mail as it was sent, whom it reached, and what it tells of. */
export default function MailPage() {
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const keep = useKeep();
  const query = useMail(id);
  const m = query.data;
  const above = [{ href: keep(m?.medium === "sms" ? "/mails?medium=sms" : "/mails"), label: "Outbox" }];
  if (query.error instanceof Problem && query.error.status === 404) {
    return (
      <Page title="Mail" above={above}>
        <Empty icon={SearchX} title="There is no such mail" action={<ButtonLink href={keep("/mails")}>The outbox</ButtonLink>}>
          It may be older than what is kept, or of an account that you cannot see.
        </Empty>
      </Page>
    );
  }
  const title = m && (m.subject || (m.medium === "sms" ? `Text message to ${m.to.join(", ")}` : "No subject"));
  return (
    <Page
      title={title ? <bdi>{title}</bdi> : "Mail"}
      name={title ?? "Mail"}
      above={above}
      beside={
        m && (
          <>
            <MailState mail={m} />
            {m.preview && <Badge>A test</Badge>}
          </>
        )
      }
      actions={m && <Actions mail={m} />}
    >
      <Loaded query={query} lines={10}>
        {(mail) => <Whole mail={mail} />}
      </Loaded>
    </Page>
  );
}

export const useMail = (id: string) =>
  useQuery({
    queryKey: ["mails", "one", id],
    queryFn: () => mails.get(id),
    enabled: id !== "",
    staleTime: Number.POSITIVE_INFINITY, // an attempt never changes
  });

function Whole({ mail: m }: { mail: WholeMail }) {
  const keep = useKeep();
  const kind = m.outcome === "success" ? (m.refused.length ? "warn" : "ok") : m.delivery_state === "pending" ? "warn" : "bad";
  return (
    <>
      {kind !== "ok" && (
        <Note kind={kind}>
          {becameOf(m)}
          {m.next_attempt_at && m.delivery_state === "pending" && (
            <>
              {" "}
              Next try <Time at={m.next_attempt_at} as="ago" />.
            </>
          )}
        </Note>
      )}
      <div className={css.columns}>
        <Card>
          <MailTabs mail={m} />
        </Card>
        <div className="stack">
          {(m.accepted.length > 0 || m.refused.length > 0 || m.deferred.length > 0) && <Reached mail={m} />}
          <TriesCard mail={m} />
          <Card title="What it is">
            <Facts
              items={[
                ["Sent", <Time key="at" at={m.started_at} precise />],
                ["Kind", mediumName(m.medium)],
                ["Event", <TypeName key="type" type={m.event_type} />],
                [
                  "Template",
                  <Link key="t" href={keep(`/templates/${encodeURIComponent(m.template.id)}?side=history`)}>
                    {titleOf(m.template.id)}
                  </Link>,
                ],
                [
                  "Version",
                  m.template.account_id ? (
                    <span key="v">
                      {m.template.version} of <bdi>{m.template.account_id}</bdi>
                    </span>
                  ) : (
                    "the built-in one"
                  ),
                ],
                ["Account", <code key="a">{m.account_id}</code>],
                ["Delivery", <Id key="d">{m.delivery_id}</Id>],
                ["Id", <Id key="i">{m.id}</Id>],
              ]}
            />
          </Card>
        </div>
      </div>
    </>
  );
}

/** The mail as its reader sees it, and as it is made up. */
export function MailTabs({ mail: m }: { mail: WholeMail }) {
  return (
    <Tabs
      label="The mail"
      tabs={[
        { value: "mail", label: "As it was sent", content: <MailView message={m} src={m.html_url} height={620} /> },
        !!m.html && { value: "html", label: "HTML source", content: <Code text={m.html} language="html" label="the HTML" /> },
        {
          value: "fields",
          label: "Fields",
          content: (
            <Code
              text={[
                ["From", m.from],
                ["To", m.to.join(", ")],
                ["Cc", m.cc.join(", ")],
                ["Bcc", m.bcc.join(", ")],
                ["Reply-To", m.reply_to.join(", ")],
                ["Subject", m.subject],
                ...m.attachments.map((a) => ["Attachment", `${a.name} (${a.type})`]),
              ]
                .filter(([, v]) => v)
                .map(([n, v]) => `${n}: ${v}`)
                .join("\n")}
              language="text"
              label="the fields"
            />
          ),
        },
      ]}
    />
  );
}

/** What the server said about each recipient. */
function Reached({ mail: m }: { mail: WholeMail }) {
  return (
    <Card title="Whom it reached">
      <ul className={css.people}>
        {m.refused.map((r) => (
          <li key={r.address}>
            <span className="row wrap">
              <Badge tone="bad">refused</Badge> <bdi>{r.address}</bdi>
            </span>
            <samp>{r.answer}</samp>
          </li>
        ))}
        {m.deferred.map((r) => (
          <li key={r.address}>
            <span className="row wrap">
              <Badge tone="warn">not yet</Badge> <bdi>{r.address}</bdi>
            </span>
            <samp>{r.answer}</samp>
          </li>
        ))}
        {m.accepted.map((a) => (
          <li key={a}>
            <span className="row wrap">
              <Badge tone="ok">taken</Badge> <bdi>{a}</bdi>
            </span>
          </li>
        ))}
      </ul>
      {m.answer && m.accepted.length > 0 && (
        <p className="muted small" style={{ marginTop: 12 }}>
          The server said: <samp>{m.answer}</samp>
        </p>
      )}
    </Card>
  );
}

function TriesCard({ mail: m }: { mail: WholeMail }) {
  const query = useTries(m);
  if (m.preview) return null;
  return (
    <Card title="Attempts" lead="Each try to send it, the first one first.">
      <Loaded query={query}>{(list) => <Tries list={list} here={m.id} />}</Loaded>
    </Card>
  );
}

function Actions({ mail: m }: { mail: WholeMail }) {
  const keep = useKeep();
  const may = useMay("developer");
  const client = useQueryClient();
  const [asked, ask] = useState(false);
  const event = useQuery({
    queryKey: ["event", "one", m.account_id, m.event_id],
    queryFn: () => body(api.GET("/v1/events/{id}", { params: { path: { id: m.event_id }, query: { account_id: m.account_id } } })),
    enabled: !m.preview && m.event_id !== "",
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const call = event.data && callIdOf(event.data);
  const all = [...m.to, ...m.cc, ...m.bcc];
  const waits = m.delivery_state === "pending";
  return (
    <>
      {call && (
        <ButtonLink
          icon={PhoneCall}
          href={keep(`/calls/${encodeURIComponent(call)}?of=${encodeURIComponent(m.account_id)}&event=${encodeURIComponent(m.event_id)}`)}
        >
          The call
        </ButtonLink>
      )}
      {!m.preview && (
        <ButtonLink icon={Activity} href={keep(`/events/${encodeURIComponent(m.event_id)}?of=${encodeURIComponent(m.account_id)}`)}>
          The event
        </ButtonLink>
      )}
      {may && !m.preview && (
        <Button icon={RotateCw} onClick={() => ask(true)}>
          {waits ? "Send now…" : "Send again…"}
        </Button>
      )}
      <Confirm
        open={asked}
        onClose={() => ask(false)}
        title={waits ? "Send it now?" : "Send it again?"}
        action={waits ? "Send now" : `Send to ${plural(all.length, "recipient")}`}
        onConfirm={async () => {
          await mails.resend(m.id);
          say("On its way", "The new attempt shows up here when it ends.");
          void client.invalidateQueries({ queryKey: ["mails"] });
        }}
      >
        {waits ? "It does not wait for its next try. " : "It is made anew of the template as it is now, and goes to all its recipients: "}
        <bdi>{all.join(", ")}</bdi>.
      </Confirm>
    </>
  );
}
