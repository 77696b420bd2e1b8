import { ChevronDown, ChevronRight } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { useMeanings } from "../../api/catalogue";
import { Badge, State, TypeName, useNow } from "../../parts/bits";
import { Code, pretty } from "../../parts/code";
import { useKeep } from "../../shell/session";
import { notificationOf } from "../../words/mail";
import { tell } from "../../words/events";
import { plural } from "../../words/text";
import { HookLink, useHooks } from "../deliveries/hooks";
import { Retry } from "../deliveries/retry";
import { Attempts } from "../deliveries/view";
import { whyOf } from "../deliveries/why";
import { WhyNot } from "../events/whynot";
import css from "./moment.module.css";
import type { Line, Moment } from "./story";

/** Whether somebody has to look at a delivery. */
export const troubled = (l: Line) =>
  l.delivery.state === "failed" || l.delivery.state === "expired" || (l.delivery.state === "pending" && l.delivery.attempts > 0);

interface EventRowProps {
  moment: Moment;
  opened: boolean;
  onOpen(event: string): void;
  onAttempt(attempt: string): void;
}

/** An event of the ladder in words, and beneath it what became of its deliveries. */
export function EventRow({ moment, opened, onOpen, onAttempt }: EventRowProps) {
  const { event, lines } = moment;
  const bad = lines.filter(troubled);
  const rest = lines.filter((l) => !troubled(l));
  const meanings = useMeanings();
  const Chevron = opened ? ChevronDown : ChevronRight;
  return (
    <div className={css.moment}>
      <button type="button" className={css.event} aria-expanded={opened} onClick={() => onOpen(opened ? "" : event.id)}>
        <Chevron size={15} aria-hidden className={css.chevron} />
        <span className={css.text}>
          <span className={css.said} dir="auto">
            {tell(event, meanings.get(event.type))}
          </span>
          <TypeName type={event.type} />
        </span>
        <Tally lines={lines} />
      </button>
      {bad.length > 0 && (
        <ul className={css.lines}>
          {bad.map((l) => (
            <DeliveryLine key={l.delivery.id} line={l} onAttempt={onAttempt} />
          ))}
        </ul>
      )}
      {opened && <Opened moment={moment} rest={rest} onAttempt={onAttempt} />}
    </div>
  );
}

/** How its deliveries fare, in a word. */
function Tally({ lines }: { lines: Line[] }) {
  const n = (state: string) => lines.filter((l) => l.delivery.state === state).length;
  if (!lines.length) return <span className={css.tally}>told to nobody</span>;
  const failed = n("failed");
  const expired = n("expired");
  const pending = n("pending");
  if (failed + expired + pending === 0)
    return (
      <span className={css.tally}>{n("cancelled") ? `${n("delivered")} of ${lines.length} delivered` : `${n("delivered")} delivered`}</span>
    );
  return (
    <span className={css.tally}>
      {failed > 0 && <Badge tone="bad">{failed} failed</Badge>}
      {expired > 0 && <Badge tone="warn">{expired} expired</Badge>}
      {pending > 0 && <Badge tone="info">{pending} waiting</Badge>}
    </span>
  );
}

function DeliveryLine({ line, onAttempt }: { line: Line; onAttempt(attempt: string): void }) {
  const { delivery, attempts } = line;
  const hooks = useHooks();
  const keep = useKeep();
  const hook = hooks.get(delivery.webhook_id);
  const settled = delivery.state === "delivered" || delivery.state === "cancelled";
  return (
    <li className={css.line} data-state={delivery.state}>
      <div className={css.lineHead}>
        <State of={delivery.state} />
        <HookLink id={delivery.webhook_id} className={css.hook} />
        <Badge>{attempts[0]?.dialect ?? hook?.dialect ?? "?"}</Badge>
        <span className="grow" />
        {!settled && <Retry delivery={delivery} />}
      </div>
      {delivery.state === "pending" && delivery.next_attempt_at ? (
        <Waiting line={line} />
      ) : (
        !(delivery.state === "delivered" && attempts.length < 2) && <p className={css.why}>{whyOf(delivery, attempts, hook, 0)}</p>
      )}
      <Attempts list={attempts} onOpen={onAttempt} />
      {settled && (
        <div className={css.after}>
          <Link href={keep(`/deliveries/${encodeURIComponent(delivery.id)}`)} className="small">
            {notificationOf(delivery.webhook_id) ? "The mail" : "Delivery"}
          </Link>
          <Retry delivery={delivery} />
        </div>
      )}
    </li>
  );
}

/** The countdown to the next attempt. */
function Waiting({ line }: { line: Line }) {
  const hooks = useHooks();
  return <p className={css.why}>{whyOf(line.delivery, line.attempts, hooks.get(line.delivery.webhook_id), useNow())}</p>;
}

function Opened({ moment, rest, onAttempt }: { moment: Moment; rest: Line[]; onAttempt(attempt: string): void }) {
  const { event, lines } = moment;
  const keep = useKeep();
  const [more, show] = useState<"" | "data" | "why">("");
  const at = `/events/${encodeURIComponent(event.id)}?of=${encodeURIComponent(event.account_id)}`;
  return (
    <div className={css.opened}>
      {rest.length > 0 && (
        <ul className={css.lines}>
          {rest.map((l) => (
            <DeliveryLine key={l.delivery.id} line={l} onAttempt={onAttempt} />
          ))}
        </ul>
      )}
      {lines.length === 0 && <p className="muted small">Nobody got this event.</p>}
      <div className="row wrap small">
        <button type="button" className={css.more} aria-expanded={more === "why"} onClick={() => show(more === "why" ? "" : "why")}>
          {lines.length ? "Why did other webhooks not get it?" : "Why did no webhook get it?"}
        </button>
        <button type="button" className={css.more} aria-expanded={more === "data"} onClick={() => show(more === "data" ? "" : "data")}>
          Its data
        </button>
        <Link href={keep(at)}>Open the event</Link>
        <Link href={keep(`/catalogue/${encodeURIComponent(event.type)}`)}>What it means</Link>
      </div>
      {more === "data" && <Code text={pretty(JSON.stringify(event.data))} label={`the data of ${event.type}`} lines={18} />}
      {more === "why" && <WhyNot event={event.id} account={event.account_id} got={plural(lines.length, "webhook")} />}
    </div>
  );
}
