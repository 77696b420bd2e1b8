import { useQuery } from "@tanstack/react-query";
import { Activity, PackageX } from "lucide-react";
import { Redirect, useParams } from "wouter";
import { api, body, Problem, type Schemas } from "../../api/client";
import { useFilters } from "../../api/lists";
import { Badge, Id, State, Time, TypeName, useNow } from "../../parts/bits";
import { ButtonLink } from "../../parts/button";
import { Card, Empty, Facts, Loaded, Note, Page } from "../../parts/page";
import { useKeep } from "../../shell/session";
import { notificationOf } from "../../words/mail";
import { span } from "../../words/time";
import css from "./delivery.module.css";
import { HookLink, hookName, useHooks } from "./hooks";
import { Retry } from "./retry";
import { Attempts, AttemptSheet, AttemptTabs, CopyCurl } from "./view";
import { whyOf } from "./why";

type Delivery = Schemas["Delivery"];
type Attempt = Schemas["Attempt"];

const tones = { delivered: "ok", failed: "bad", expired: "warn", cancelled: "info", pending: "info" } as const;

export default function DeliveryPage() {
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const keep = useKeep();
  const hooks = useHooks();
  const now = useNow();
  const [{ attempt }, set] = useFilters("attempt");
  const query = useQuery({
    queryKey: ["delivery", id],
    queryFn: () => body(api.GET("/v1/deliveries/{id}", { params: { path: { id } } })),
    refetchInterval: (q) => (q.state.data?.state === "pending" ? 2000 : false),
  });
  const d = query.data;
  const attempts = useQuery({
    queryKey: ["attempts", "of delivery", id, d?.attempts, d?.state],
    queryFn: () => attemptsOf(d as Delivery),
    enabled: d !== undefined,
    placeholderData: (before) => before,
  });
  const above = [{ href: keep("/deliveries"), label: "Deliveries" }];
  if (query.error instanceof Problem && query.error.status === 404) {
    return (
      <Page title="Delivery" above={above}>
        <Empty
          icon={PackageX}
          title="There is no such delivery"
          action={<ButtonLink href={keep("/deliveries")}>All deliveries</ButtonLink>}
        >
          It may be older than what is kept, or of an account that you cannot see.
        </Empty>
      </Page>
    );
  }
  const tried = (attempts.data ?? []).map((a) => ({ ...a, status: a.response?.status }));
  const last = attempts.data?.at(-1);
  // A notification's page is the mail's, as soon as there is one.
  if (d && last && notificationOf(d.webhook_id)) return <Redirect to={keep(`/mails/${encodeURIComponent(last.id)}`)} replace />;
  return (
    <Page
      title={d ? <bdi>{hookName(hooks, d.webhook_id)}</bdi> : "Delivery"}
      name={d ? `${d.event_type} to ${hookName(hooks, d.webhook_id)}` : "Delivery"}
      above={above}
      beside={
        d && (
          <>
            <State of={d.state} />
            <TypeName type={d.event_type} />
          </>
        )
      }
      actions={
        d && (
          <>
            <ButtonLink icon={Activity} href={keep(`/events/${encodeURIComponent(d.event_id)}?of=${encodeURIComponent(d.account_id)}`)}>
              The event
            </ButtonLink>
            <Retry delivery={d} size="normal" />
          </>
        )
      }
    >
      <Loaded query={query} lines={8}>
        {(delivery) => (
          <>
            <Note kind={tones[delivery.state as keyof typeof tones] ?? "info"}>
              {whyOf(delivery, tried, hooks.get(delivery.webhook_id), now)}
            </Note>
            <Facts
              columns
              items={[
                ["Event accepted", <Time key="at" at={delivery.accepted_at} precise />],
                ["Ended", delivery.ended_at && <Time at={delivery.ended_at} precise />],
                ["Took in all", delivery.ended_at && span(Date.parse(delivery.ended_at) - Date.parse(delivery.accepted_at))],
                ["Next try", delivery.next_attempt_at && <Time at={delivery.next_attempt_at} as="ago" />],
                ["Attempts", String(delivery.attempts)],
                ["To", <HookLink key="webhook" id={delivery.webhook_id} />],
                ["Account", <code key="account">{delivery.account_id}</code>],
                ["Ordering key", delivery.key && <Id>{delivery.key}</Id>],
                ["Delivery id", <Id key="id">{delivery.id}</Id>],
              ]}
            />
            <Card title="Attempts" lead="In order, each as long as it took, from when the event was accepted.">
              <Loaded query={attempts}>
                {(list) =>
                  list.length ? (
                    <>
                      <Timing list={list} from={Date.parse(delivery.accepted_at)} />
                      <Attempts list={list.map((a) => ({ ...a, status: a.response?.status }))} onOpen={(a) => set({ attempt: a })} />
                    </>
                  ) : (
                    <p className="muted">None so far.</p>
                  )
                }
              </Loaded>
            </Card>
            {last?.request && (
              <Card
                title={`The last attempt, ${last.attempt_number}`}
                lead={<Badge>{last.dialect}</Badge>}
                actions={<CopyCurl attempt={last} size="small" />}
              >
                <AttemptTabs attempt={last} />
              </Card>
            )}
            <AttemptSheet id={attempt} onClose={() => set({ attempt: "" })} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** The attempts of a delivery, the first first. The API lists them by event. */
async function attemptsOf(d: Delivery): Promise<Attempt[]> {
  const all: Attempt[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 5; page++) {
    const list = await body(
      api.GET("/v1/attempts", {
        params: { query: { account_id: d.account_id, event_id: d.event_id, webhook_id: d.webhook_id, limit: 100, cursor } },
      }),
    );
    all.push(...list.items);
    cursor = list.next_cursor ?? undefined;
    if (!cursor) break;
  }
  return all.toReversed();
}

/** When the attempts were, on a line from the event to the last of them; long pauses count by their logarithm. */
function Timing({ list, from }: { list: Attempt[]; from: number }) {
  const at = (t: number) => Math.log10(1 + Math.max(0, t - from));
  const end = Math.max(...list.map((a) => at(Date.parse(a.started_at) + a.duration_ms)), 1);
  return (
    <div
      className={css.timing}
      role="img"
      aria-label={list
        .map((a) => `attempt ${a.attempt_number} after ${span(Date.parse(a.started_at) - from)}, took ${span(a.duration_ms)}`)
        .join("; ")}
    >
      {list.map((a) => {
        const start = at(Date.parse(a.started_at));
        const width = at(Date.parse(a.started_at) + a.duration_ms) - start;
        return (
          <span
            key={a.id}
            data-outcome={a.outcome}
            title={`Attempt ${a.attempt_number}: ${span(Date.parse(a.started_at) - from)} after the event, took ${span(a.duration_ms)}`}
            style={{ insetInlineStart: `${(start / end) * 100}%`, width: `max(8px, ${(width / end) * 100}%)` }}
          />
        );
      })}
    </div>
  );
}
