import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { type Mail, mails } from "../../api/mail";
import { Time } from "../../parts/bits";
import { useKeep } from "../../shell/session";
import { becameOf } from "../../words/mail";
import { MailState } from "./mails";
import css from "./mails.module.css";

/** All attempts to send a mail: the API lists them by event. */
export const useTries = (m: Pick<Mail, "delivery_id" | "event_id" | "account_id" | "medium"> & { preview?: boolean }) =>
  useQuery({
    queryKey: ["mails", "tries", m.delivery_id, m.event_id],
    queryFn: async () =>
      (await mails.list({ event_id: m.event_id, account_id: m.account_id, medium: m.medium, limit: 500 })).items
        .filter((x) => x.delivery_id === m.delivery_id)
        .toReversed(),
    enabled: !m.preview,
    refetchInterval: 3000, // one that somebody asked for shows up by this
  });

export function Tries({ list, here }: { list: Mail[]; here?: string }) {
  const keep = useKeep();
  return (
    <ol className={css.tries}>
      {list.map((m) => (
        <li key={m.id}>
          {m.id === here ? (
            <b aria-current="true">{m.attempt_number ? `#${m.attempt_number}` : "None"}</b>
          ) : (
            <Link href={keep(`/mails/${encodeURIComponent(m.id)}`)}>{m.attempt_number ? `#${m.attempt_number}` : "None"}</Link>
          )}
          <MailState mail={m} />
          <Time at={m.started_at} precise />
          <p className="muted small">{becameOf(m)}</p>
        </li>
      ))}
    </ol>
  );
}
