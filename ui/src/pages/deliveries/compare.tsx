import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, type Schemas } from "../../api/client";
import { Code, Diff } from "../../parts/code";
import { Field, Segments, Select } from "../../parts/field";
import { Empty, Loaded } from "../../parts/page";
import { clock } from "../../words/time";
import { asText } from "./exchange";
import { hookName, useHooks } from "./hooks";
import css from "./deliveries.module.css";

type Attempt = Schemas["Attempt"];

/** An attempt beside another one for the same event: the one before, or that of another dialect. */
export function Compare({ attempt }: { attempt: Attempt }) {
  const hooks = useHooks();
  const others = useQuery({
    queryKey: ["attempts", "of event", attempt.account_id, attempt.event_id],
    queryFn: () =>
      body(api.GET("/v1/attempts", { params: { query: { event_id: attempt.event_id, account_id: attempt.account_id, limit: 200 } } })),
  });
  const [chosen, choose] = useState("");
  const [side, setSide] = useState<"request" | "response">("request");
  return (
    <Loaded query={others} lines={6}>
      {({ items }) => {
        const list = items.filter((a) => a.id !== attempt.id && a.request);
        // First those of the same delivery, the one before this one at their head.
        list.sort(
          (a, b) =>
            Number(b.delivery_id === attempt.delivery_id) - Number(a.delivery_id === attempt.delivery_id) ||
            b.attempt_number - a.attempt_number,
        );
        const other =
          list.find((a) => a.id === chosen) ??
          list.find((a) => a.delivery_id === attempt.delivery_id && a.attempt_number < attempt.attempt_number) ??
          list[0];
        if (!other) return <Empty title="Nothing to compare with">This is the only attempt for the event.</Empty>;
        const name = (a: Attempt) =>
          a.delivery_id === attempt.delivery_id
            ? `Attempt ${a.attempt_number}, ${clock(a.started_at)}`
            : `${a.dialect}: ${hookName(hooks, a.webhook_id)}, attempt ${a.attempt_number}`;
        const before = asText(other[side]);
        const after = asText(attempt[side]);
        return (
          <div className="stack">
            <div className={css.choose}>
              <Field label="Compare with">
                {(wired) => (
                  <Select
                    {...wired}
                    value={other.id}
                    onChange={(e) => choose(e.target.value)}
                    options={list.map((a) => ({ value: a.id, label: name(a) }))}
                  />
                )}
              </Field>
              <Segments<"request" | "response">
                label="What is compared"
                value={side}
                onChange={setSide}
                options={[
                  { value: "request", label: "Request" },
                  { value: "response", label: "Response" },
                ]}
              />
            </div>
            {other.dialect !== attempt.dialect && side === "request" ? (
              <div className={css.exchange}>
                <section className={css.message}>
                  <h3>{attempt.dialect}, this one</h3>
                  <Code text={after} language="text" label="This request" />
                </section>
                <section className={css.message}>
                  <h3>{other.dialect}</h3>
                  <Code text={before} language="text" label="The other request" />
                </section>
              </div>
            ) : before === after ? (
              <p className="muted">Both are the same, to the last byte.</p>
            ) : (
              <Diff before={before} after={after} label={`What differs in the ${side}`} />
            )}
          </div>
        );
      }}
    </Loaded>
  );
}
