import { useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { api, body, Problem } from "../../api/client";
import { given } from "../../api/lists";
import { Button } from "../../parts/button";
import { Field, Input } from "../../parts/field";
import { Dialog, say } from "../../parts/overlay";
import { Failure } from "../../parts/page";
import { AccountPicker, useAccounts } from "../../shell/accounts";
import { useAccount, useWho } from "../../shell/session";
import { hrefOf, kindOf, type Source } from "./kinds";
import { OptionFields, type Options } from "./options";
import css from "./sources.module.css";

/** Makes a source, or changes one. */
export function SourceDialog({ kind: kindName, source, onClose }: { kind: string; source?: Source; onClose(): void }) {
  const who = useWho();
  const [looked] = useAccount();
  const { data: accounts } = useAccounts();
  const client = useQueryClient();
  const [, go] = useLocation();
  const kind = kindOf(kindName);
  const [id, setId] = useState("");
  const [account, setAccount] = useState(source?.account_id ?? looked ?? who.account_id);
  const [map, setMap] = useState<[string, string][]>(Object.entries(source?.account_map ?? {}));
  const [options, setOptions] = useState<Options>((source?.options as Options | undefined) ?? {});
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const accountMap = Object.fromEntries(
    map.filter(([theirs, ours]) => theirs.trim() && ours).map(([theirs, ours]) => [theirs.trim(), ours]),
  );

  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      if (source) {
        // RFC 7396: what was in the map and is no longer goes by null.
        const gone = Object.fromEntries(
          Object.keys(source.account_map ?? {})
            .filter((k) => !(k in accountMap))
            .map((k) => [k, null]),
        );
        const left = Object.fromEntries(
          Object.keys(source.options ?? {})
            .filter((k) => options[k] === undefined)
            .map((k) => [k, null]),
        );
        const change = {
          account_id: account,
          account_map: { ...gone, ...accountMap },
          ...(kind.way === "connects" ? { options: { ...left, ...options } } : {}),
        };
        await api.PATCH("/v1/sources/{id}", { params: { path: { id: source.id } }, body: change as never });
        say("Saved", kind.way === "connects" ? "It connects anew." : undefined);
      } else {
        const made = await body(
          api.POST("/v1/sources", {
            body: {
              kind: kindName,
              account_id: account,
              ...given({ id: id.trim() }),
              ...(map.length ? { account_map: accountMap } : {}),
              ...(kind.way === "connects" ? { options } : {}),
            },
          }),
        );
        say("The source was added");
        go(hrefOf(made));
      }
      await client.invalidateQueries({ queryKey: ["sources"] });
      await client.invalidateQueries({ queryKey: ["source"] });
      if (source) onClose();
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
      from="side"
      title={source ? `Change ${source.id}` : `Add ${kind.name}`}
      lead={kind.about}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} onClick={() => void save()}>
            {source ? "Save" : "Add source"}
          </Button>
        </>
      }
    >
      {!source && (
        <Field
          label="Id"
          optional
          hint="Small letters, digits, - and _, such as pbx. Left empty, one is made."
          error={problem?.about("id")}
        >
          {(w) => <Input {...w} mono value={id} onChange={(e) => setId(e.target.value)} />}
        </Field>
      )}
      {kind.options && <OptionFields of={kind.options} options={options} change={setOptions} problem={problem} />}
      {(accounts?.length ?? 0) > 1 && (
        <Field label="Account" hint="Whose events are that nothing else says of." error={problem?.about("account_id")}>
          {(w) => <AccountPicker id={w.id} label="Account" value={account} onChange={setAccount} />}
        </Field>
      )}
      {kind.accounts && (accounts?.length ?? 0) > 1 && (
        <fieldset className={css.map}>
          <legend>Account map</legend>
          <p className="muted small">Which account of ours each of the system’s own is ({kind.accounts}).</p>
          {map.map(([theirs, ours], i) => (
            <div key={i} className={css.pair}>
              <Input
                mono
                aria-label={`Its account ${i + 1}`}
                placeholder="its account"
                value={theirs}
                onChange={(e) => setMap(map.map((m, j) => (j === i ? [e.target.value, m[1]] : m)))}
              />
              <AccountPicker
                label={`Account ${i + 1} of ours`}
                value={ours}
                onChange={(v) => setMap(map.map((m, j) => (j === i ? [m[0], v] : m)))}
              />
              <Button
                kind="quiet"
                icon={Trash2}
                aria-label={`Take line ${i + 1} away`}
                onClick={() => setMap(map.filter((_, j) => j !== i))}
              />
            </div>
          ))}
          <div>
            <Button size="small" icon={Plus} onClick={() => setMap([...map, ["", ""]])}>
              Add a line
            </Button>
          </div>
        </fieldset>
      )}
      {error !== undefined && <Failure error={error} />}
    </Dialog>
  );
}
