import { Loaded, Note } from "../../parts/page";
import { becameOf } from "../../words/mail";
import { MailTabs, useMail } from "./mail";

/** The mail of an attempt, where another's page shows it. */
export function SentMail({ id }: { id: string }) {
  const query = useMail(id);
  return (
    <Loaded query={query} lines={8}>
      {(m) => (
        <div className="stack">
          <Note kind={m.outcome === "success" ? "ok" : m.delivery_state === "pending" ? "warn" : "bad"}>{becameOf(m)}</Note>
          <MailTabs mail={m} />
        </div>
      )}
    </Loaded>
  );
}
