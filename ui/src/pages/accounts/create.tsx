import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { api, body, Problem } from "../../api/client";
import { given } from "../../api/lists";
import { Button } from "../../parts/button";
import { Field, Input } from "../../parts/field";
import { Dialog, say } from "../../parts/overlay";
import { Failure } from "../../parts/page";
import { AccountPicker } from "../../shell/accounts";
import { useWho } from "../../shell/session";

/** Makes an account below another one. */
export function CreateAccount({ above, onClose }: { above: string; onClose(): void }) {
  const who = useWho();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [parent, setParent] = useState(above || who.account_id);
  const [name, setName] = useState("");
  const [id, setId] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const made = await body(api.POST("/v1/accounts", { body: given({ parent_id: parent, name: name.trim(), id: id.trim() }) }));
      await client.invalidateQueries({ queryKey: ["accounts"] });
      say("The account was created");
      onClose();
      go(`/accounts/${encodeURIComponent(made.id)}`);
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
      title="Create account"
      lead="Its people see it, and what is below it; never what is beside or above."
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} disabled={!name.trim()} onClick={() => void create()}>
            Create account
          </Button>
        </>
      }
    >
      <Field label="Name" error={problem?.about("name")}>
        {(w) => <Input {...w} autoFocus dir="auto" value={name} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Field
        label="Id"
        optional
        hint="Small letters, digits, - and _. It cannot be changed later; left empty, one is made."
        error={problem?.about("id")}
      >
        {(w) => <Input {...w} mono value={id} onChange={(e) => setId(e.target.value)} />}
      </Field>
      <Field label="Below" error={problem?.about("parent_id")}>
        {(w) => <AccountPicker id={w.id} label="Below" value={parent} onChange={setParent} />}
      </Field>
      {error !== undefined && !problem?.fields.length && <Failure error={error} />}
    </Dialog>
  );
}
