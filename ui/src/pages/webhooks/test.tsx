import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCatalogue } from "../../api/catalogue";
import { api, body, type Schemas } from "../../api/client";
import { Button } from "../../parts/button";
import { Field, Select } from "../../parts/field";
import { Exchange } from "../../parts/http";
import { Dialog } from "../../parts/overlay";
import { Failure, Note, Skeleton } from "../../parts/page";
import { span } from "../../words/time";
import { sends } from "./form/events";

import { selected } from "./selection";

type Hook = Schemas["Webhook"];

/** Sends a sample now. */
export function useTest(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (type: string) => body(api.POST("/v1/webhooks/{id}/test", { params: { path: { id } }, body: type ? { type } : {} })),
    onSettled: () => client.invalidateQueries({ queryKey: ["webhook", id] }),
  });
}

/** Sends a sample, and shows what was sent and what came back beside each other. */
export function TestPanel({ webhook }: { webhook: Hook }) {
  const test = useTest(webhook.id);
  const { data: types = [] } = useCatalogue();
  const [type, setType] = useState("");
  const on = selected(webhook.events, types).filter((t) => sends(t, webhook.dialect));
  return (
    <div className="stack">
      <div className="row wrap" style={{ alignItems: "flex-end" }}>
        <div style={{ flex: "0 1 320px", minWidth: 0 }}>
          <Field label="Event">
            {(wired) => (
              <Select
                {...wired}
                value={type}
                onChange={(e) => setType(e.target.value)}
                options={[{ value: "", label: "Sample of the first event" }, ...on.slice(0, 200).map((t) => t.type)]}
              />
            )}
          </Field>
        </div>
        <Button kind="primary" busy={test.isPending} onClick={() => test.mutate(type)}>
          {test.data ? "Send again" : "Send a test now"}
        </Button>
      </div>
      {test.error && <Failure error={test.error} />}
      {test.isPending && <Skeleton lines={5} />}
      {test.data && !test.isPending && <TestResult attempt={test.data} />}
    </div>
  );
}

/** The outcome of a test in a sentence, with all that was said. */
export function TestResult({ attempt }: { attempt: Schemas["Attempt"] }) {
  const took = span(attempt.duration_ms);
  return (
    <div className="stack">
      <div role="status">
        {attempt.outcome === "success" ? (
          <Note kind="ok">
            <b>The receiver took it</b>, with status {attempt.response?.status}, after {took}.
          </Note>
        ) : (
          <Note kind="bad">
            <b>The receiver did not take it</b>: {attempt.error || `it answered ${attempt.response?.status}`}, after {took}.
          </Note>
        )}
      </div>
      <Exchange attempt={attempt} />
    </div>
  );
}

export function TestDialog({ webhook, open, onClose }: { webhook: Hook; open: boolean; onClose(): void }) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      wide
      title="Send a test"
      lead="A sample of an event, with ids of its own. It is sent once, whether the webhook is paused or not."
    >
      <TestPanel webhook={webhook} />
    </Dialog>
  );
}
