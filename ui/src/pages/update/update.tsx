import { useQuery } from "@tanstack/react-query";
import { Lock, Mails, Megaphone } from "lucide-react";
import { useState } from "react";
import { Problem } from "../../api/client";
import { useSettled } from "../../api/settled";
import { Button, ButtonLink } from "../../parts/button";
import { MailView } from "../../parts/mailview";
import { Confirm } from "../../parts/overlay";
import { Card, Empty, Failure, Note, Page, Skeleton } from "../../parts/page";
import { useAccount, useKeep, useMay, useWho } from "../../shell/session";
import { useUnsaved } from "../../shell/unsaved";
import { plural } from "../../words/text";
import { MailServer } from "../mails/server";
import { Content } from "./content";
import { inputOf, nothing, peopleWords, previewMail, said, send, type Update, count } from "./draft";
import { Whom } from "./whom";
import css from "./update.module.css";

export default function CustomerUpdatePage() {
  const may = useMay("admin");
  const [account] = useAccount();
  const who = useWho();
  const owner = account ?? who.account_id;
  if (!may) {
    return (
      <Page title="Customer update">
        <Empty icon={Lock} title="Your role may not write to customers">
          Ask an admin of your account.
        </Empty>
      </Page>
    );
  }
  return <CustomerUpdate key={owner} owner={owner} />;
}

/** A message to the people of one account, or of all below. */
function CustomerUpdate({ owner }: { owner: string }) {
  const keep = useKeep();
  const [update, setUpdate] = useState<Update>(nothing);
  const [asked, ask] = useState(false);
  const [sent, setSent] = useState<{ event_id: string; mails: number }>();
  const set = (change: Partial<Update>) => setUpdate((u) => ({ ...u, ...change }));
  const written = said(update);
  useUnsaved(written && !sent);

  const text = useSettled(JSON.stringify(update), 350);
  const settled = JSON.parse(text) as Update;
  const counted = useQuery({
    queryKey: ["customer-update", "count", owner, text],
    queryFn: () => count(owner, settled),
    enabled: settled.scope === "below" || settled.recipient !== "",
    retry: false,
    placeholderData: (before) => before,
  });
  const shown = useQuery({
    queryKey: ["customer-update", "preview", owner, text],
    queryFn: ({ signal }) => previewMail(owner, settled, signal),
    retry: false,
    placeholderData: (before) => before,
  });
  const problem = [counted.error, shown.error].find((e) => e instanceof Problem && e.fields.length > 0) as Problem | undefined;
  const n = counted.data;
  const ready = written && !counted.error && !!n?.mails && text === JSON.stringify(update);

  if (sent) {
    return (
      <Page title="Customer update">
        <Card>
          <Empty
            icon={Mails}
            title={`${plural(sent.mails, "mail is", "mails are")} on ${sent.mails === 1 ? "its" : "their"} way`}
            action={
              <>
                <ButtonLink kind="primary" href={keep(`/mails?event=${encodeURIComponent(sent.event_id)}`)}>
                  See the mails
                </ButtonLink>
                <Button
                  onClick={() => {
                    setUpdate(nothing);
                    setSent(undefined);
                  }}
                >
                  Write another
                </Button>
              </>
            }
          >
            The outbox shows each of them, and what the server says to it.
          </Empty>
        </Card>
      </Page>
    );
  }
  return (
    <Page title="Customer update" lead="A message to the people of one account, or of all accounts below. Each gets a mail of their own.">
      <MailServer />
      <div className={css.form}>
        <div className={css.steps}>
          <Card title="Whom">
            <Whom update={update} set={set} owner={owner} problem={problem} />
          </Card>
          <Card title="What">
            <Content update={update} set={set} owner={owner} problem={problem} />
          </Card>
          <div className={css.foot} role="group" aria-label="Send">
            <p className="grow" role="status">
              {counted.error && !problem ? (
                <Failure error={counted.error} />
              ) : n ? (
                n.mails ? (
                  <>
                    <b className="tabular">{plural(n.mails, "person", "people")}</b> in{" "}
                    <b className="tabular">{plural(n.accounts, "account")}</b>
                    <span className={`${css.who} muted small`} title={n.recipients.join("\n")}>
                      {n.recipients.slice(0, 3).join(", ")}
                      {n.mails > 3 && " …"}
                    </span>
                  </>
                ) : (
                  (n.reason ?? "Nobody would get it.")
                )
              ) : (
                <span className="muted">{update.scope === "one" && !update.recipient ? "Choose an account." : "Counting…"}</span>
              )}
            </p>
            <Button kind="primary" icon={Megaphone} disabled={!ready} onClick={() => ask(true)}>
              Send…
            </Button>
          </div>
        </div>
        <section className={css.pane} aria-label="What it looks like">
          <h2>What it looks like</h2>
          {shown.data?.notes.map((note) => (
            <Note key={note} kind="warn">
              {note}
            </Note>
          ))}
          {shown.data ? (
            <MailView message={{ ...shown.data.message, to: [peopleWords(update, n?.mails)], cc: [], bcc: [] }} src={shown.data.html_url} />
          ) : shown.error ? (
            <Failure error={shown.error} />
          ) : (
            <Skeleton lines={8} />
          )}
        </section>
      </div>
      <Confirm
        open={asked}
        onClose={() => ask(false)}
        title={`Send to ${plural(n?.mails ?? 0, "person", "people")}?`}
        action={`Send ${plural(n?.mails ?? 0, "mail")}`}
        onConfirm={async () => {
          const done = await send(inputOf(owner, update));
          setSent(done);
          scrollTo(0, 0);
        }}
      >
        {plural(n?.mails ?? 0, "person", "people")} in {plural(n?.accounts ?? 0, "account")} get a mail. It cannot be called back.
      </Confirm>
    </Page>
  );
}
