import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { api, body, Problem, type Schemas } from "../api/client";
import { useMay } from "../shell/session";
import { Id } from "./bits";
import { Button } from "./button";
import { Field, Input } from "./field";
import { Confirm, Dialog, say } from "./overlay";
import { Card, Failure, Loaded } from "./page";
import { type Column, Table } from "./table";

interface DialectIdsProps {
  account: string;
  /** What kind of thing: account, device, queue… */
  schema: string;
  id: string;
}

/** The kinds of ids that can be set, by dialect. */
function useKinds() {
  return useQuery({
    queryKey: ["dialect-id-kinds"],
    queryFn: () => body(api.GET("/v1/dialect-ids/kinds", { params: { query: { limit: 500 } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

type Kind = Schemas["DialectIDKind"] & { value?: string };

const columnsOf = (may: boolean, edit: (k: Kind) => void, remove: (k: Kind) => void): Column<Kind>[] => [
  { head: "Dialect", narrow: "title", cell: (k) => k.dialect },
  { head: "Id", wide: true, cell: (k) => (k.value ? <Id>{k.value}</Id> : <span className="muted">made by Switchhook</span>) },
  {
    head: "Change",
    align: "end",
    cell: (k) =>
      may && (
        <span className="row" style={{ justifyContent: "flex-end" }}>
          <Button kind="quiet" size="small" icon={Pencil} aria-label={`Set the ${k.dialect} id`} onClick={() => edit(k)} />
          {k.value && (
            <Button kind="quiet" size="small" icon={Trash2} aria-label={`Take the ${k.dialect} id away`} onClick={() => remove(k)} />
          )}
        </span>
      ),
  },
];

/** What each dialect calls a thing. Nothing, where no dialect has an id for such things. */
export function DialectIds({ account, schema, id }: DialectIdsProps) {
  const kinds = useKinds();
  const may = useMay("developer");
  const [editing, setEditing] = useState<Kind>();
  const [removing, setRemoving] = useState<Kind>();
  const client = useQueryClient();
  const set = useQuery({
    queryKey: ["dialect-ids", account, schema],
    queryFn: () => body(api.GET("/v1/dialect-ids", { params: { query: { account_id: account, schema, limit: 500 } } })),
  });
  const of = kinds.data?.items.filter((k) => k.schema === schema);
  if (of?.length === 0) return null;
  return (
    <Card
      flush
      title="Ids in other systems’ shapes"
      lead="What a webhook’s requests call it, so that code written for another system goes on to know it."
    >
      <Loaded query={set}>
        {({ items }) => (
          <Table<Kind>
            label="Ids by dialect"
            items={(of ?? []).map((k) => ({ ...k, value: items.find((i) => i.dialect === k.dialect && i.id === id)?.value }))}
            id={(k) => k.dialect}
            columns={columnsOf(may, setEditing, setRemoving)}
          />
        )}
      </Loaded>
      {editing && <SetId kind={editing} account={account} id={id} onClose={() => setEditing(undefined)} />}
      <Confirm
        open={!!removing}
        onClose={() => setRemoving(undefined)}
        title={`Take the ${removing?.dialect} id away?`}
        action="Take away"
        danger
        onConfirm={async () => {
          const path = { dialect: removing?.dialect ?? "", schema, id };
          await api.DELETE("/v1/dialect-ids/{dialect}/{schema}/{id}", { params: { path, query: { account_id: account } } });
          await client.invalidateQueries({ queryKey: ["dialect-ids"] });
        }}
      >
        <p>
          From then on requests in this shape carry an id that Switchhook makes. Code that knows the thing as <code>{removing?.value}</code>{" "}
          will take it for another one.
        </p>
      </Confirm>
    </Card>
  );
}

function SetId({ kind, account, id, onClose }: { kind: Kind; account: string; id: string; onClose(): void }) {
  const client = useQueryClient();
  const [value, setValue] = useState(kind.value ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const path = { dialect: kind.dialect, schema: kind.schema, id };
      await api.PUT("/v1/dialect-ids/{dialect}/{schema}/{id}", {
        params: { path, query: { account_id: account } },
        body: { value: value.trim() },
      });
      await client.invalidateQueries({ queryKey: ["dialect-ids"] });
      say("The id was set", "It is in force with the next request.");
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const about = error instanceof Problem ? error.about("value") : undefined;
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Its id in the shape of ${kind.dialect}`}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} disabled={!value.trim()} onClick={() => void save()}>
            Set
          </Button>
        </>
      }
    >
      <Field label="Id" hint={`Expected: ${kind.form}.`} error={about}>
        {(w) => <Input {...w} mono autoFocus value={value} onChange={(e) => setValue(e.target.value)} />}
      </Field>
      {error !== undefined && !about && <Failure error={error} />}
    </Dialog>
  );
}
