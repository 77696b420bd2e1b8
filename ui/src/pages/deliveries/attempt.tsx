import { PackageX } from "lucide-react";
import { Redirect, useParams } from "wouter";
import { Problem } from "../../api/client";
import { Badge, Id, State, Status, Time, TypeName } from "../../parts/bits";
import { ButtonLink } from "../../parts/button";
import { Card, Empty, Facts, Loaded, Page } from "../../parts/page";
import { useKeep } from "../../shell/session";
import { notificationOf } from "../../words/mail";
import { span } from "../../words/time";
import { HookLink, hookName, useHooks } from "./hooks";
import { Retry } from "./retry";
import { AttemptTabs, CopyCurl, useAttempt } from "./view";

export default function AttemptPage() {
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const keep = useKeep();
  const hooks = useHooks();
  const query = useAttempt(id);
  const above = [{ href: keep("/deliveries?view=attempts"), label: "Attempts" }];
  if (query.error instanceof Problem && query.error.status === 404) {
    return (
      <Page title="Attempt" above={above}>
        <Empty
          icon={PackageX}
          title="There is no such attempt"
          action={<ButtonLink href={keep("/deliveries?view=attempts")}>All attempts</ButtonLink>}
        >
          It may be older than what is kept, or of an account that you cannot see.
        </Empty>
      </Page>
    );
  }
  const a = query.data;
  if (a && notificationOf(a.webhook_id)) return <Redirect to={keep(`/mails/${encodeURIComponent(a.id)}`)} replace />;
  const title = a ? `Attempt ${a.attempt_number || "that was not made"} to ${hookName(hooks, a.webhook_id)}` : "Attempt";
  return (
    <Page
      title={title}
      above={a ? [...above, { href: keep(`/deliveries/${encodeURIComponent(a.delivery_id)}`), label: "Its delivery" }] : above}
      beside={a && (a.attempt_number ? <Status code={a.response?.status} error={a.error} /> : <State of={a.delivery_state} />)}
      lead={a?.error && a.error.charAt(0).toUpperCase() + a.error.slice(1) + "."}
      actions={
        a && (
          <>
            <CopyCurl attempt={a} />
            <Retry delivery={{ id: a.delivery_id, state: a.delivery_state }} size="normal" />
          </>
        )
      }
    >
      <Loaded query={query} lines={8}>
        {(attempt) => (
          <>
            <Facts
              columns
              items={[
                ["Started", <Time key="at" at={attempt.started_at} precise />],
                ["Took", attempt.attempt_number ? span(attempt.duration_ms) : undefined],
                ["Event", <TypeName key="type" type={attempt.event_type} />],
                ["Dialect", <Badge key="dialect">{attempt.dialect}</Badge>],
                ["The delivery then", <State key="state" of={attempt.delivery_state} />],
                ["Next try", attempt.next_attempt_at && <Time at={attempt.next_attempt_at} />],
                ["Replay", attempt.replay && "yes: somebody wanted it again"],
                ["Webhook", <HookLink key="webhook" id={attempt.webhook_id} />],
                ["Attempt id", <Id key="id">{attempt.id}</Id>],
              ]}
            />
            <Card>
              <AttemptTabs attempt={attempt} />
            </Card>
          </>
        )}
      </Loaded>
    </Page>
  );
}
