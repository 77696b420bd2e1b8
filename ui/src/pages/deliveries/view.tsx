import { useQuery } from "@tanstack/react-query";
import { ClipboardCopy, ExternalLink } from "lucide-react";
import { api, body, type Schemas } from "../../api/client";
import { Badge, State, Status, Time, TypeName } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { Dialog, say, Tabs } from "../../parts/overlay";
import { Loaded } from "../../parts/page";
import { useKeep } from "../../shell/session";
import { notificationOf } from "../../words/mail";
import { span } from "../../words/time";
import { SentMail } from "../mails/sent";
import { Compare } from "./compare";
import { curl, secretsOf } from "./curl";
import { Exchange } from "./exchange";
import { hookName, useHooks } from "./hooks";
import { Retry } from "./retry";
import css from "./deliveries.module.css";

type Attempt = Schemas["Attempt"];

export const useAttempt = (id: string) =>
  useQuery({
    queryKey: ["attempts", "one", id],
    queryFn: () => body(api.GET("/v1/attempts/{id}", { params: { path: { id } } })),
    enabled: id !== "",
    staleTime: Number.POSITIVE_INFINITY, // an attempt never changes
  });

/** Copies a request as a command. */
export function CopyCurl({ attempt, size }: { attempt: Attempt; size?: "small" | "normal" }) {
  const { request } = attempt;
  if (!request || notificationOf(attempt.webhook_id)) return null;
  const secrets = secretsOf(request);
  const copy = async () => {
    await navigator.clipboard.writeText(curl(request));
    say(
      "Copied as curl",
      secrets.length
        ? `Put in your own ${secrets.join(", ")}: secrets are masked. The signature is that of the time it was sent.`
        : undefined,
    );
  };
  return (
    <Button size={size} icon={ClipboardCopy} onClick={() => void copy()}>
      Copy as curl
    </Button>
  );
}

/** An attempt's tabs: the exchange, and what it differs in from others. Of a notification, the mail. */
export function AttemptTabs({ attempt }: { attempt: Attempt }) {
  if (notificationOf(attempt.webhook_id)) return <SentMail id={attempt.id} />;
  return (
    <Tabs
      label="Attempt"
      tabs={[
        { value: "exchange", label: "Request and response", content: <Exchange attempt={attempt} /> },
        { value: "compare", label: "Compare", content: <Compare attempt={attempt} /> },
      ]}
    />
  );
}

/** An attempt in a sheet at the side, the page still in sight. */
export function AttemptSheet({ id, onClose }: { id: string; onClose(): void }) {
  const query = useAttempt(id);
  const hooks = useHooks();
  const keep = useKeep();
  const a = query.data;
  return (
    <Dialog
      open={id !== ""}
      onClose={onClose}
      from="side"
      wide
      title={
        a
          ? a.attempt_number
            ? `Attempt ${a.attempt_number} to ${hookName(hooks, a.webhook_id)}`
            : `No attempt to ${hookName(hooks, a.webhook_id)}`
          : "Attempt"
      }
      lead={
        a && (
          <span className="row wrap">
            <TypeName type={a.event_type} /> <Badge>{a.dialect}</Badge> <Time at={a.started_at} precise />{" "}
            <span className="tabular">{span(a.duration_ms)}</span>
          </span>
        )
      }
      foot={
        a && (
          <>
            <ButtonLink
              href={keep(`/${notificationOf(a.webhook_id) ? "mails" : "attempts"}/${encodeURIComponent(a.id)}`)}
              kind="quiet"
              icon={ExternalLink}
            >
              Open as a page
            </ButtonLink>
            <span className="grow" />
            <CopyCurl attempt={a} />
            <Retry delivery={{ id: a.delivery_id, state: a.delivery_state }} size="normal" />
          </>
        )
      }
    >
      <Loaded query={query} lines={8}>
        {(attempt) => <AttemptTabs attempt={attempt} />}
      </Loaded>
    </Dialog>
  );
}

/** A row of attempts in order: when, what was answered, how long it took. */
export function Attempts({
  list,
  onOpen,
}: {
  list: {
    id: string;
    attempt_number: number;
    started_at: string;
    duration_ms: number;
    status?: number;
    error?: string;
    outcome: string;
    delivery_state: string;
  }[];
  onOpen(id: string): void;
}) {
  return (
    <ol className={css.attempts}>
      {list.map((a) => (
        <li key={a.id}>
          <button type="button" className={css.attempt} onClick={() => onOpen(a.id)}>
            <span className={css.number}>{a.attempt_number ? `#${a.attempt_number}` : "—"}</span>
            {a.attempt_number === 0 ? <State of={a.delivery_state} /> : <Status code={a.status} error={a.error} />}
            <Time at={a.started_at} precise />
            {a.attempt_number > 0 && <span className="muted tabular">{span(a.duration_ms)}</span>}
            {a.error && <span className={css.error}>{a.error}</span>}
          </button>
        </li>
      ))}
    </ol>
  );
}
