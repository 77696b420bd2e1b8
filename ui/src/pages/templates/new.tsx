import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { Problem } from "../../api/client";
import { templates } from "../../api/mail";
import { Button } from "../../parts/button";
import { Field, Input } from "../../parts/field";
import { Dialog, say } from "../../parts/overlay";
import { Failure } from "../../parts/page";
import { useKeep } from "../../shell/session";

const start = {
  html: '<!DOCTYPE html>\n<html lang="en">\n<body style="font-family: Helvetica, Arial, sans-serif; font-size: 16px; line-height: 24px;">\n<p>Hello,</p>\n<p>…</p>\n</body>\n</html>\n',
  text: "Hello,\n\n…\n",
};

/** Makes a template of the account's own, which call flows can name. */
export function NewTemplate({ account, onClose }: { account: string; onClose(): void }) {
  const client = useQueryClient();
  const keep = useKeep();
  const [, go] = useLocation();
  const [name, setName] = useState("");
  const [id, setId] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const meant =
    id ??
    name
      .toLowerCase()
      .normalize("NFKD")
      .replaceAll(/[^a-z0-9]+/g, "_")
      .replaceAll(/^_+|_+$/g, "")
      .slice(0, 64);
  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const made = await templates.create(account, { id: meant, name: name.trim(), subject: name.trim(), ...start });
      void client.invalidateQueries({ queryKey: ["templates"] });
      say("The template was created", "Write what it says.");
      onClose();
      go(keep(`/templates/${encodeURIComponent(made.id)}`));
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title="New template"
      lead="One of your own. It is sent where a call flow's notification (notification.custom) names it; what else there is to tell is built in, and is changed instead."
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} disabled={!name.trim() || !meant} onClick={() => void create()}>
            Create template
          </Button>
        </>
      }
    >
      <Field label="Name" hint="For people: it can be changed." error={problem?.about("name")}>
        {(w) => <Input {...w} autoFocus dir="auto" maxLength={200} value={name} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Field
        label="Id"
        hint="What the call flow names as template_id. It cannot be changed."
        error={problem?.about("id") ?? (problem?.status === 409 ? problem.message : undefined)}
      >
        {(w) => <Input {...w} mono value={meant} onChange={(e) => setId(e.target.value)} />}
      </Field>
      {error !== undefined && !problem?.fields.length && problem?.status !== 409 && <Failure error={error} />}
    </Dialog>
  );
}
