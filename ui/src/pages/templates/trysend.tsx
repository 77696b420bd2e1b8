import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Problem } from "../../api/client";
import { type Own, type Template, templates } from "../../api/mail";
import { Button } from "../../parts/button";
import { Chips } from "../../parts/chips";
import { Field } from "../../parts/field";
import { Dialog } from "../../parts/overlay";
import { Failure, Note } from "../../parts/page";
import { useWho } from "../../shell/session";
import { unsaved } from "./draft";

/** Sends the draft as it is to an address, and shows what the server answers. */
export function TrySend({
  template: t,
  draft,
  owner,
  event,
  open,
  onClose,
}: {
  template: Template;
  draft: Own;
  owner: string;
  event: string;
  open: boolean;
  onClose(): void;
}) {
  const who = useWho();
  const [to, setTo] = useState<string[]>(who.name?.includes("@") ? [who.name] : []);
  const send = useMutation({
    mutationFn: () => templates.preview(t.id, owner, { ...unsaved(t, draft), event_id: event || undefined, send_to: to }),
  });
  const problem = send.error instanceof Problem ? send.error : undefined;
  const attempt = send.data?.attempt;
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="Send a test"
      lead="The mail as it is in the preview, with what you have not saved. It goes to these addresses alone."
      foot={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button kind="primary" busy={send.isPending} disabled={!to.length} onClick={() => send.mutate()}>
            {attempt ? "Send again" : "Send the test"}
          </Button>
        </>
      }
    >
      <Field label="To" hint="Enter takes an address; several with commas." error={problem?.about("send_to")}>
        {(w) => <Chips {...w} values={to} onChange={setTo} placeholder="you@example.com" />}
      </Field>
      <div role="status">
        {attempt &&
          !send.isPending &&
          (attempt.outcome === "success" ? (
            <Note kind="ok">
              <b>The mail server took it</b>
              {attempt.response?.body && (
                <>
                  : <samp>{attempt.response.body}</samp>
                </>
              )}
            </Note>
          ) : (
            <Note kind="bad">
              <b>The mail server did not take it</b>: <samp>{attempt.response?.body || attempt.error || "it did not answer"}</samp>
            </Note>
          ))}
      </div>
      {send.error && !problem?.about("send_to") && <Failure error={send.error} />}
    </Dialog>
  );
}
