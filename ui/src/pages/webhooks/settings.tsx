import type { ReactNode } from "react";
import type { Schemas } from "../../api/client";
import { Badge, Id, Time, TypeName } from "../../parts/bits";
import { Code } from "../../parts/code";
import { Card, Facts } from "../../parts/page";
import { dialectOf } from "./form/dialects";
import css from "./settings.module.css";

/** What the webhook was told, to read. */
export function SettingsView({ webhook: w, edit }: { webhook: Schemas["Webhook"]; edit: ReactNode }) {
  const dialect = dialectOf(w.dialect);
  const { body, ...options } = (w.dialect_options ?? {}) as Record<string, unknown>;
  const scope = Object.entries(w.scope ?? {}).flatMap(([kind, list]) => (list ?? []).map((v) => `${kind.replaceAll("_", " ")}: ${v}`));
  return (
    <div className={css.cards}>
      <Card title="Where" actions={edit}>
        <Facts
          items={[
            ["URL", <code key="u">{w.url}</code>],
            ["Account", <Id key="a">{w.account_id}</Id>],
            ["Id", <Id key="i">{w.id}</Id>],
            ["Authentication", w.auth ? authWords(w.auth) : "None, beside the signature"],
            ["Headers", w.headers && <Names key="h" of={w.headers} />],
            ["Certificates", w.tls && Object.keys(w.tls).join(", ")],
            ["Made", <Time key="c" at={w.created_at} />],
            ["Changed", <Time key="m" at={w.updated_at} />],
          ]}
        />
      </Card>
      <Card title="Which events" actions={edit}>
        <Facts
          items={[
            [
              "Events",
              <div key="e" className={css.list}>
                {w.events.map((e) => (e === "*" ? <span key={e}>All</span> : <TypeName key={e} type={e} />))}
              </div>,
            ],
            [
              "Only of",
              scope.length ? (
                <div key="s" className={css.list}>
                  {scope.map((s) => (
                    <Badge key={s}>{s}</Badge>
                  ))}
                </div>
              ) : (
                "The whole account"
              ),
            ],
            [
              "Filter",
              w.filter ? (
                <code key="f" className={css.filter}>
                  {w.filter}
                </code>
              ) : (
                "None"
              ),
            ],
            ["Accounts below", w.include_subaccounts ? "Their events, too" : "No"],
            ["Legs inside the switch", w.include_internal_legs ? "Yes" : "No"],
            w.flow && ["Call flows", "Each flow.webhook event says itself where it goes."],
          ]}
        />
      </Card>
      <Card title="Which shape" actions={edit}>
        <Facts
          items={[
            ["Shape", dialect.title],
            ["Format", w.format],
            ["Method", w.method ?? dialect.methods?.[0]],
            ["Options", Object.keys(options).length > 0 && <Names key="o" of={options} />],
            ["Custom data", w.custom_data && <Names key="d" of={w.custom_data} />],
            ["Modifiers", w.modifiers && <code key="m">{JSON.stringify(w.modifiers)}</code>],
          ]}
        />
        {typeof body === "string" && (
          <div style={{ marginTop: 12 }}>
            <Code text={body} label="Body" />
          </div>
        )}
      </Card>
      <Card title="Delivery" actions={edit}>
        <Facts
          items={[
            ["Retries", retryWords(w.retry)],
            ["Timeout", w.timeout],
            ["Order", w.ordering === "key" ? `In order, call by call; a failing one holds for ${w.hold}` : "In any order"],
            ["Oldest age", w.max_age ?? "As each type says"],
            ["Rate", w.rate_limit ? `At most ${w.rate_limit} a second` : "No limit"],
            ["At once", `At most ${w.max_concurrency} requests`],
            ["Masks", w.mask?.length ? w.mask.map((m) => (m === "numbers" ? "phone numbers" : "what people say")).join(", ") : "None"],
            ["Signature", { hmac: "HMAC with a secret", ed25519: "Ed25519 key", both: "HMAC and Ed25519" }[w.signing ?? "hmac"]],
          ]}
        />
      </Card>
    </div>
  );
}

function Names({ of }: { of: Record<string, unknown> }) {
  return (
    <ul className={css.names}>
      {Object.entries(of).map(([name, value]) => (
        <li key={name}>
          <code>
            {name}: {typeof value === "string" ? value : JSON.stringify(value)}
          </code>
        </li>
      ))}
    </ul>
  );
}

function authWords(auth: Schemas["Auth"]): string {
  if (auth.type === "basic") return `User name ${auth.username} and a password`;
  if (auth.type === "bearer") return "A bearer token";
  return `OAuth 2: a token from ${auth.token_url}, for the client ${auth.client_id}`;
}

function retryWords({ policy, schedule, tries }: Schemas["Retry"]): string {
  if (schedule?.length) return `After ${schedule.join(", ")}`;
  if (policy === "none") return "None";
  if (policy === "kazoo") return `As Kazoo, ${tries ?? 2} tries`;
  return "Standard: ten, over two days";
}
