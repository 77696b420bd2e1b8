import { useQuery } from "@tanstack/react-query";
import { mailState } from "../../api/mail";
import { Note } from "../../parts/page";
import { useOperator } from "../../shell/session";
import { plural } from "../../words/text";
import { Time } from "../../parts/bits";

/** Says so where mails cannot go out, or go nowhere but to the demo's outbox. */
export function MailServer() {
  const { data } = useQuery(mailState);
  const operator = useOperator();
  if (!data) return null;
  if (!data.email) {
    return (
      <Note kind="warn">
        <b>No mail server is set up: nobody gets mails.</b>{" "}
        {operator ? (
          <>
            Set <code>SWITCHHOOK_SMTP_URL</code>, such as <code>smtp://user:password@mail.example.com:587</code>, and start again.
          </>
        ) : (
          "Ask whoever runs this server."
        )}
      </Note>
    );
  }
  if (data.failing_since) {
    return (
      <Note kind="bad">
        <b>
          Mails fail since <Time at={data.failing_since} />.
        </b>{" "}
        {data.last_error && `${sentence(data.last_error)} `}
        {data.waiting > 0 && `${plural(data.waiting, "waits", "wait")}, and ${data.waiting === 1 ? "is" : "are"} tried again.`}
      </Note>
    );
  }
  if (data.catcher) {
    return (
      <Note>
        This is the demo: mails are caught and shown in the outbox, and go to nobody. Set <code>SWITCHHOOK_SMTP_URL</code> to send them.
      </Note>
    );
  }
  return null;
}

const sentence = (s: string) => s.charAt(0).toUpperCase() + s.slice(1).replace(/\.*$/, ".");
