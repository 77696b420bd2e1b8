import { useQuery } from "@tanstack/react-query";
import { BookOpen, FileQuestion, PhoneCall } from "lucide-react";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { api, body, Problem, type Schemas } from "../../api/client";
import { useFilters } from "../../api/lists";
import { Badge, Id, State, Time, TypeName, useNow } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { Code, pretty } from "../../parts/code";
import { Card, Empty, Facts, Loaded, Page } from "../../parts/page";
import { useKeep } from "../../shell/session";
import { tell } from "../../words/events";
import { notificationOf } from "../../words/mail";
import { useMeanings } from "../../api/catalogue";
import { asText } from "../deliveries/exchange";
import { HookLink, useHooks } from "../deliveries/hooks";
import { Retry } from "../deliveries/retry";
import { Attempts, AttemptSheet } from "../deliveries/view";
import { whyOf } from "../deliveries/why";
import { callIdOf } from "./events";
import css from "./events.module.css";
import { WhyNot } from "./whynot";

type Delivery = Schemas["Delivery"];
type Attempt = Schemas["Attempt"];

export default function EventPage() {
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const [{ of, attempt }, set] = useFilters("of", "attempt");
  const keep = useKeep();
  const meanings = useMeanings();
  const query = useQuery({
    queryKey: ["event", "one", of, id],
    queryFn: () => body(api.GET("/v1/events/{id}", { params: { path: { id }, query: { account_id: of || undefined } } })),
  });
  const above = [{ href: keep("/events"), label: "Events" }];
  if (query.error instanceof Problem && query.error.status === 404) {
    return (
      <Page title="Event" above={above}>
        <Empty icon={FileQuestion} title="There is no such event" action={<ButtonLink href={keep("/events")}>All events</ButtonLink>}>
          It may be older than what is kept, or of an account that you cannot see. Its id is {id}.
        </Empty>
      </Page>
    );
  }
  const ev = query.data;
  const call = ev && callIdOf(ev);
  return (
    <Page
      title={ev ? <bdi>{tell(ev, meanings.get(ev.type))}</bdi> : "Event"}
      name={ev ? ev.type : "Event"}
      above={above}
      beside={ev && <TypeName type={ev.type} />}
      lead={ev && meanings.get(ev.type)}
      actions={
        ev && (
          <>
            {call && (
              <ButtonLink
                icon={PhoneCall}
                href={keep(`/calls/${encodeURIComponent(call)}?of=${encodeURIComponent(ev.account_id)}&event=${encodeURIComponent(ev.id)}`)}
              >
                The whole call
              </ButtonLink>
            )}
            <ButtonLink icon={BookOpen} kind="quiet" href={keep(`/catalogue/${encodeURIComponent(ev.type)}`)}>
              In the catalogue
            </ButtonLink>
          </>
        )
      }
    >
      <Loaded query={query} lines={8}>
        {(event) => (
          <>
            <Facts
              columns
              items={[
                ["Happened", <Time key="at" at={event.occurred_at} precise />],
                ["Accepted", <Time key="accepted" at={event.accepted_at} precise />],
                ["Account", <code key="account">{event.account_id}</code>],
                ["Source", event.source ?? "the API"],
                ["Ordering key", event.key ? <Id key="key">{event.key}</Id> : "none: unordered"],
                ["Event id", <Id key="id">{event.id}</Id>],
              ]}
            />
            <div className={css.columns}>
              <div className="stack">
                <Deliveries event={event} onAttempt={(a) => set({ attempt: a })} />
                <Card title="Why others did not get it" lead="Each webhook and notification of the account, as it is set up now.">
                  <WhyNot event={event.id} account={event.account_id} />
                </Card>
              </div>
              <Card title="Its data" lead="As Switchhook keeps it, in no dialect.">
                <Code text={pretty(JSON.stringify(event.data))} label="the event's data" />
              </Card>
            </div>
            <AttemptSheet id={attempt} onClose={() => set({ attempt: "" })} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Deliveries({ event, onAttempt }: { event: Schemas["Event"]; onAttempt(id: string): void }) {
  const params = { query: { account_id: event.account_id, event_id: event.id, limit: 500 } };
  const open = (list: Delivery[] | undefined) => list?.some((d) => d.state === "pending");
  const query = useQuery({
    queryKey: ["deliveries", "of event", event.account_id, event.id],
    queryFn: async () => {
      const [deliveries, attempts] = await Promise.all([
        body(api.GET("/v1/deliveries", { params })),
        body(api.GET("/v1/attempts", { params })),
      ]);
      return { deliveries: deliveries.items, attempts: attempts.items.toReversed() };
    },
    refetchInterval: (q) => (open(q.state.data?.deliveries) ? 3000 : false),
  });
  return (
    <Card title="Who got it">
      <Loaded query={query}>
        {({ deliveries, attempts }) =>
          deliveries.length ? (
            <ul className={css.deliveries}>
              {deliveries.map((d) => (
                <One key={d.id} delivery={d} attempts={attempts.filter((a) => a.delivery_id === d.id)} onAttempt={onAttempt} />
              ))}
            </ul>
          ) : (
            <p className="muted">Nobody got it. Below is why.</p>
          )
        }
      </Loaded>
    </Card>
  );
}

function One({ delivery: d, attempts, onAttempt }: { delivery: Delivery; attempts: Attempt[]; onAttempt(id: string): void }) {
  const hooks = useHooks();
  const keep = useKeep();
  const now = useNow();
  const [shown, show] = useState(false);
  const tried = attempts.map((a) => ({ ...a, status: a.response?.status }));
  const request = attempts.findLast((a) => a.request)?.request;
  return (
    <li>
      <div className="row wrap">
        <State of={d.state} />
        <HookLink id={d.webhook_id} className={css.hook} />
        <Badge>{attempts[0]?.dialect ?? hooks.get(d.webhook_id)?.dialect ?? "?"}</Badge>
        <span className="grow" />
        <Link href={keep(`/deliveries/${encodeURIComponent(d.id)}`)} className="small">
          {notificationOf(d.webhook_id) ? "The mail" : "Delivery"}
        </Link>
        <Retry delivery={d} />
      </div>
      {!(d.state === "delivered" && attempts.length < 2) && <p>{whyOf(d, tried, hooks.get(d.webhook_id), now)}</p>}
      <Attempts list={tried} onOpen={onAttempt} />
      {request && !notificationOf(d.webhook_id) && (
        <>
          <div>
            <Button size="small" kind="quiet" aria-expanded={shown} onClick={() => show(!shown)}>
              {shown ? "Hide" : "Show"} the request
            </Button>
          </div>
          {shown && <Code text={asText(request)} language="text" label="the request" />}
        </>
      )}
    </li>
  );
}
