import { useQuery } from "@tanstack/react-query";
import { api, body, type Schemas } from "../../api/client";
import { Badge, Time } from "../../parts/bits";
import { Loaded } from "../../parts/page";
import { notificationOf } from "../../words/mail";
import { HookLink } from "../deliveries/hooks";
import css from "./events.module.css";

export type Explanation = Schemas["Explanation"];

export const useExplain = (event: string, account: string, enabled = true) =>
  useQuery({
    queryKey: ["event", "explain", account, event],
    queryFn: () =>
      body(api.GET("/v1/events/{id}/explain", { params: { path: { id: event }, query: { account_id: account || undefined } } })),
    enabled,
  });

/** A notification that went to nobody has but its template. */
const target = (x: Explanation) => x.webhook_id || `mail:${x.account_id}:${x.template ?? ""}`;

/** Which webhooks did not get an event, and why. */
export function WhyNot({ event, account, got }: { event: string; account: string; got?: string }) {
  const query = useExplain(event, account);
  return (
    <Loaded query={query} lines={2}>
      {({ items }) => {
        const not = items.filter((x) => x.why !== "delivery");
        if (!items.length) return <p className="muted">There is no webhook in this account, so nobody could get it.</p>;
        if (!not.length) return <p className="muted">Every webhook of the account got it{got ? `: ${got}` : ""}.</p>;
        return (
          <ul className={css.why}>
            {not.map((x) => (
              <li key={target(x)}>
                <span className="row wrap">
                  <HookLink id={target(x)}>{notificationOf(target(x)) ? undefined : x.name || x.webhook_id}</HookLink>
                  <Badge>{x.dialect}</Badge>
                  {x.status === "paused" && <Badge tone="warn">paused</Badge>}
                </span>
                <span>{x.reason}</span>
                {x.why !== "later" && x.why !== "subaccount" && x.updated_at && (
                  <span className="muted small">
                    As it is set up now; last changed <Time at={x.updated_at} as="ago" />.
                  </span>
                )}
              </li>
            ))}
          </ul>
        );
      }}
    </Loaded>
  );
}
