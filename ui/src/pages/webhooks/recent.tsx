import { Link } from "wouter";
import { api, body, type Schemas } from "../../api/client";
import { given, useFilters, useList } from "../../api/lists";
import { State, Status, Time, TypeName } from "../../parts/bits";
import { ButtonLink } from "../../parts/button";
import { Segments } from "../../parts/field";
import { Card, Empty, Loaded } from "../../parts/page";
import { More, Table } from "../../parts/table";
import { useKeep } from "../../shell/session";
import { span } from "../../words/time";
import css from "./webhooks.module.css";

type Outcome = "" | "success" | "failure";

/** The latest attempts, with a link to all deliveries. bare: only the first rows, without filters. */
export function Recent({ webhook, rows, bare }: { webhook: Schemas["Webhook"]; rows: number; bare?: boolean }) {
  const link = useKeep();
  const [filters, set] = useFilters("outcome");
  const outcome = bare ? "" : (filters.outcome as Outcome);
  const list = useList(
    ["attempts", webhook.id, outcome, rows],
    (cursor) =>
      body(api.GET("/v1/attempts", { params: { query: given({ webhook_id: webhook.id, outcome, limit: rows, cursor }) as never } })),
    { fresh: 3000 },
  );
  const table = (
    <Loaded query={{ ...list, data: list.items }} lines={rows}>
      {(items) =>
        items.length ? (
          <>
            <Table
              label="Attempts"
              items={items}
              id={(a) => a.id}
              href={(a) => link("/attempts/" + a.id)}
              mark={(a) => (a.outcome === "failure" ? "bad" : undefined)}
              columns={[
                {
                  head: "Event",
                  narrow: "title",
                  cell: (a) => (
                    <Link href={link("/attempts/" + a.id)}>
                      <TypeName type={a.event_type} />
                    </Link>
                  ),
                },
                { head: "When", cell: (a) => <Time at={a.started_at} /> },
                {
                  head: "Outcome",
                  cell: (a) => (
                    <span className="row">
                      <State of={a.outcome} /> <Status code={a.response?.status} error={a.error} />
                    </span>
                  ),
                },
                { head: "Why", cell: (a) => a.error && <span className={`${css.clamp} ${css.reason}`}>{a.error}</span> },
                { head: "Try", align: "end", cell: (a) => a.attempt_number },
                { head: "Took", align: "end", cell: (a) => span(a.duration_ms) },
              ]}
            />
            {!bare && <More query={list} />}
          </>
        ) : (
          <Empty title={outcome ? "No attempt ended so" : "Nothing was sent yet"}>
            {outcome
              ? "Choose “All” to see the others."
              : "Attempts stand here as soon as an event happens that this webhook wants. Or send a test, which is answered at once."}
          </Empty>
        )
      }
    </Loaded>
  );
  if (bare) return table;
  return (
    <Card
      flush
      title="Attempts"
      lead="Each request that was made. Tests are not among them."
      actions={
        <>
          <Segments<Outcome>
            label="Outcome"
            value={outcome}
            onChange={(v) => set({ outcome: v })}
            options={[
              { value: "", label: "All" },
              { value: "failure", label: "Failed" },
              { value: "success", label: "Taken" },
            ]}
          />
          <ButtonLink size="small" href={link("/deliveries?webhook_id=" + webhook.id)}>
            Open in Deliveries
          </ButtonLink>
        </>
      }
    >
      {table}
    </Card>
  );
}
