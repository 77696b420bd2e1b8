import { MailSearch, SearchX } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { type Mail, mails, templates } from "../../api/mail";
import { given, useFilters, useList } from "../../api/lists";
import { Badge, State, Time, useNow } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { SearchInput, Segments, Select } from "../../parts/field";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { useAccount, useKeep, useWho } from "../../shell/session";
import { addressee, becameOf, titleOf } from "../../words/mail";
import { ago } from "../../words/time";
import { useWhen, When, whenNames } from "../calls/when";
import { MailServer } from "./server";
import css from "./mails.module.css";

const outcomes = [
  { value: "", label: "Every outcome" },
  { value: "success", label: "Taken" },
  { value: "failure", label: "Not taken" },
];

/** Every mail and text message: to whom, about what, and what the server said. */
export default function Mails() {
  const [filters, set] = useFilters("template", "recipient", "subject", "outcome", "medium", "event", ...whenNames);
  const [account] = useAccount();
  const who = useWho();
  const keep = useKeep();
  const when = useWhen(filters);
  const { template, recipient, subject, outcome, medium, event } = filters;
  const known = useQuery({
    queryKey: ["templates", account ?? who.account_id],
    queryFn: () => templates.list(account ?? who.account_id),
    staleTime: 60_000,
  });
  const query = useList(
    ["mails", template, recipient, subject, outcome, medium, event, when, account],
    (cursor) =>
      mails.list(
        given({
          limit: 50,
          cursor,
          account_id: account,
          template,
          to: recipient,
          subject,
          outcome,
          medium,
          event_id: event,
          ...when,
        }) as never,
      ),
    { fresh: 4000 },
  );
  const filtered = Boolean(template || recipient || subject || outcome || event || filters.when);
  const clear = () =>
    set({ template: "", recipient: "", subject: "", outcome: "", event: "", when: "", day: "", time: "", from: "", to: "" });
  const texts = medium === "sms";
  return (
    <Page
      title="Outbox"
      lead={texts ? "Every text message, the newest first." : "Every mail, the newest first: to whom it went, and what the server said."}
    >
      <MailServer />
      <search className={css.filters} aria-label="Filters">
        <Segments<"" | "sms">
          label="What is listed"
          value={texts ? "sms" : ""}
          onChange={(m) => set({ medium: m })}
          options={[
            { value: "", label: "Mails" },
            { value: "sms", label: "Text messages" },
          ]}
        />
        <SearchInput label="Recipient" value={recipient} onSearch={(v) => set({ recipient: v })} />
        {!texts && <SearchInput label="Subject" value={subject} onSearch={(v) => set({ subject: v })} />}
        <Select
          aria-label="Template"
          value={template}
          onChange={(e) => set({ template: e.target.value })}
          options={[
            { value: "", label: "Every template" },
            ...(known.data ?? []).map((t) => ({ value: t.id, label: t.name })),
            ...(template && !known.data?.some((t) => t.id === template) ? [{ value: template, label: titleOf(template) }] : []),
          ]}
        />
        <Select aria-label="Outcome" value={outcome} onChange={(e) => set({ outcome: e.target.value })} options={outcomes} />
        <When filters={filters} set={set} />
      </search>
      {event && (
        <div className="row wrap">
          <Badge tone="info">Of one event alone</Badge>
          <Button size="small" kind="quiet" onClick={() => set({ event: "" })}>
            Show all
          </Button>
        </div>
      )}
      <Card flush>
        <Loaded query={{ ...query, data: query.items }} lines={10}>
          {(items) =>
            items.length ? (
              <div className={query.isPlaceholderData ? css.stale : undefined}>
                <MailTable items={items} account={account} nameOf={(id) => known.data?.find((t) => t.id === id)?.name ?? titleOf(id)} />
                <More query={query} />
              </div>
            ) : filtered ? (
              <>
                <Empty icon={SearchX} title="Nothing fits" action={<Button onClick={clear}>Clear filters</Button>}>
                  {query.hasNextPage
                    ? "Not among those that were looked through so far."
                    : "Look for another recipient, or in a longer time."}
                </Empty>
                <More query={query} />
              </>
            ) : (
              <Empty
                icon={MailSearch}
                title={texts ? "No text message was sent yet" : "No mail was sent yet"}
                action={<ButtonLink href={keep("/templates")}>Templates</ButtonLink>}
              >
                {texts
                  ? "A call flow's notification sends them, through the gateway that the operator has set up."
                  : "A voicemail, a fax or a missed call makes one, if its template is on and there is somebody to tell."}
              </Empty>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}

function MailTable({ items, account, nameOf }: { items: Mail[]; account?: string; nameOf(id: string): string }) {
  const keep = useKeep();
  const who = useWho();
  const href = (m: Mail) => keep(`/mails/${encodeURIComponent(m.id)}`);
  const columns: (Column<Mail> | false)[] = [
    {
      head: "When",
      width: "116px",
      cell: (m) => (
        <Link href={href(m)}>
          <Time at={m.started_at} />
        </Link>
      ),
    },
    { head: "To", width: "19%", cell: (m) => <Whom mail={m} /> },
    {
      head: "Subject",
      narrow: "title",
      cell: (m) => (
        <span className={css.two}>
          <span className="truncate" dir="auto" title={m.subject}>
            {m.subject || (m.medium === "sms" ? "Text message" : <span className="muted">No subject</span>)}
          </span>
          <small className="muted truncate">
            {nameOf(m.template.id)}
            {m.preview && " · a test"}
          </small>
        </span>
      ),
    },
    { head: "State", width: "108px", cell: (m) => <MailState mail={m} /> },
    { head: "What was answered", width: "24%", cell: (m) => <Became mail={m} /> },
    !account &&
      who.account_id === "root" && { head: "Account", width: "96px", cell: (m) => <code className="truncate">{m.account_id}</code> },
  ];
  return (
    <div className={css.table}>
      <Table
        label="Mails"
        items={items}
        columns={columns.filter((c) => c !== false)}
        id={(m) => m.id}
        href={href}
        mark={(m) => (m.outcome === "success" ? (m.refused.length ? "warn" : undefined) : m.delivery_state === "pending" ? "warn" : "bad")}
      />
    </div>
  );
}

function Whom({ mail: m }: { mail: Mail }) {
  const all = [...m.to, ...m.cc, ...m.bcc];
  if (!all.length) return <span className="muted">nobody</span>;
  return (
    <span className={css.whom} title={all.join("\n")}>
      <span className="truncate" dir="auto">
        {addressee(all[0] ?? "")}
      </span>
      {all.length > 1 && <Badge>+{all.length - 1}</Badge>}
    </span>
  );
}

/** How a mail stands: what is tried again waits. */
export function MailState({ mail: m }: { mail: Pick<Mail, "outcome" | "delivery_state" | "refused"> }) {
  if (m.outcome === "success") return m.refused.length ? <State of="partly taken" tone="warn" /> : <State of="taken" tone="ok" />;
  if (m.delivery_state === "pending") return <State of="tried again" tone="warn" />;
  return <State of={m.delivery_state} tone="bad" />;
}

function Became({ mail: m }: { mail: Mail }) {
  const now = useNow();
  const text = becameOf(m);
  return (
    <span className={css.became} title={text}>
      {text}
      {m.delivery_state === "pending" && m.next_attempt_at && Date.parse(m.next_attempt_at) > now && (
        <span className="muted"> · next try {ago(m.next_attempt_at, now)}</span>
      )}
    </span>
  );
}
