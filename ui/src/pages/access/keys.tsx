import { useQueryClient } from "@tanstack/react-query";
import { KeyRound, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { api, body, Problem, type Schemas } from "../../api/client";
import { given, useList } from "../../api/lists";
import { Badge, Id, State, Time, useNow } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Choices, Field, Input, Select } from "../../parts/field";
import { Confirm, Dialog, say } from "../../parts/overlay";
import { Card, Empty, Failure, Loaded } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { AccountPicker, useAccounts } from "../../shell/accounts";
import { useAccount, useWho } from "../../shell/session";
import { Once } from "./once";
import { type Role, roleOptions, roles } from "./roles";
import css from "./access.module.css";

type Key = Schemas["ApiKey"];

/** The API keys. */
export function Keys() {
  const [account] = useAccount();
  const [making, setMaking] = useState(false);
  const [renaming, setRenaming] = useState<Key>();
  const [revoking, setRevoking] = useState<Key>();
  const client = useQueryClient();
  const list = useList(
    ["api-keys", account],
    (cursor) => body(api.GET("/v1/api-keys", { params: { query: given({ account_id: account, cursor, limit: 100 }) } })),
    { fresh: 15_000 },
  );
  const create = (
    <Button kind="primary" icon={Plus} onClick={() => setMaking(true)}>
      Create key
    </Button>
  );
  return (
    <Card flush title="API keys" lead="Only a hash of each is kept. A role is in force with the next request." actions={create}>
      <Loaded query={{ ...list, data: list.items }} lines={5}>
        {(items) =>
          items.length ? (
            <>
              <Table label="API keys" items={items} columns={columnsOf(setRenaming, setRevoking)} id={(k) => k.id} />
              <More query={list} />
            </>
          ) : (
            <Empty icon={KeyRound} title="No API keys here">
              A key lets a program send events or use the API as this account.
            </Empty>
          )
        }
      </Loaded>
      {making && <CreateKey onClose={() => setMaking(false)} />}
      {renaming && <ChangeKey of={renaming} onClose={() => setRenaming(undefined)} />}
      <Confirm
        open={!!revoking}
        onClose={() => setRevoking(undefined)}
        title="Revoke this key?"
        action="Revoke key"
        danger
        onConfirm={async () => {
          await api.DELETE("/v1/api-keys/{id}", { params: { path: { id: revoking?.id ?? "" } } });
          await client.invalidateQueries({ queryKey: ["api-keys"] });
          say("The key was revoked");
        }}
      >
        <p>
          <b dir="auto">{revoking?.name}</b> is refused from then on, and whoever is signed in with it is signed out.{" "}
          {revoking?.last_used_at ? (
            <>
              It was last used <Time at={revoking.last_used_at} as="ago" />.
            </>
          ) : (
            "It was never used."
          )}
        </p>
      </Confirm>
    </Card>
  );
}

function Expiry({ at }: { at?: string }) {
  const now = useNow();
  if (!at) return <span className="muted">never</span>;
  const left = Date.parse(at) - now;
  return left < 0 ? (
    <State of="expired" tone="bad" />
  ) : (
    <Badge tone={left < 7 * 86_400_000 ? "warn" : "idle"}>
      <Time at={at} as="ago" />
    </Badge>
  );
}

const columnsOf = (rename: (k: Key) => void, revoke: (k: Key) => void): Column<Key>[] => [
  {
    head: "Name",
    narrow: "title",
    wide: true,
    cell: (k) => (
      <bdi className={css.name} title={k.name}>
        {k.name}
      </bdi>
    ),
  },
  {
    head: "Role",
    cell: (k) => (
      <Badge tone={k.role === "admin" ? "info" : "idle"} title={roles[k.role as Role]}>
        {k.role}
      </Badge>
    ),
  },
  { head: "Account", cell: (k) => <Id copy={false}>{k.account_id}</Id> },
  { head: "Expires", cell: (k) => <Expiry at={k.expires_at} /> },
  { head: "Last used", cell: (k) => (k.last_used_at ? <Time at={k.last_used_at} as="ago" /> : <span className="muted">never</span>) },
  { head: "Made", narrow: "hide", cell: (k) => <Time at={k.created_at} /> },
  {
    head: "Change",
    align: "end",
    cell: (k) => (
      <span className={css.acts}>
        <Button kind="quiet" size="small" icon={Pencil} aria-label={`Change ${k.name}`} onClick={() => rename(k)} />
        <Button kind="quiet" size="small" icon={Trash2} aria-label={`Revoke ${k.name}`} onClick={() => revoke(k)} />
      </span>
    ),
  },
];

const days = [
  { value: "", label: "never" },
  { value: "1", label: "in a day" },
  { value: "7", label: "in a week" },
  { value: "30", label: "in 30 days" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
];
const inDays = (n: string) => (n ? new Date(Date.now() + Number(n) * 86_400_000).toISOString() : undefined);

function CreateKey({ onClose }: { onClose(): void }) {
  const who = useWho();
  const [looked] = useAccount();
  const { data: accounts } = useAccounts();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("developer");
  const [account, setAccount] = useState(looked ?? who.account_id);
  const [expiry, setExpiry] = useState("");
  const [made, setMade] = useState<Key>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const key = await body(
        api.POST("/v1/api-keys", { body: { role, account_id: account, ...given({ name: name.trim(), expires_at: inDays(expiry) }) } }),
      );
      await client.invalidateQueries({ queryKey: ["api-keys"] });
      setMade(key);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  if (made) {
    return (
      <Dialog
        open
        onClose={onClose}
        title="The key was created"
        foot={
          <Button kind="primary" onClick={onClose}>
            I have copied it
          </Button>
        }
      >
        <Once secret={made.key ?? ""} label="the API key">
          Copy it now: it is shown this once, and only a hash of it is kept.
        </Once>
        <p className="muted">
          Requests show it as <code>Authorization: Bearer …</code>
        </p>
      </Dialog>
    );
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title="Create API key"
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} onClick={() => void create()}>
            Create key
          </Button>
        </>
      }
    >
      <Field label="Name" optional hint="What it is for, such as crm or nightly import." error={problem?.about("name")}>
        {(w) => <Input {...w} dir="auto" autoFocus value={name} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Choices<Role> legend="Role" value={role} onChange={setRole} options={roleOptions("viewer", "developer", "ingest", "admin")} />
      {(accounts?.length ?? 0) > 1 && (
        <Field label="Account" hint="It opens this one, and all below." error={problem?.about("account_id")}>
          {(w) => <AccountPicker id={w.id} label="Account" value={account} onChange={setAccount} />}
        </Field>
      )}
      <Field label="Expires" error={problem?.about("expires_at")}>
        {(w) => <Select {...w} value={expiry} onChange={(e) => setExpiry(e.target.value)} options={days} />}
      </Field>
      {error !== undefined && <Failure error={error} />}
    </Dialog>
  );
}

function ChangeKey({ of, onClose }: { of: Key; onClose(): void }) {
  const client = useQueryClient();
  const [name, setName] = useState(of.name);
  const [role, setRole] = useState(of.role as Role);
  const [expiry, setExpiry] = useState("as it is");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const when = expiry === "as it is" ? {} : { expires_at: inDays(expiry) ?? null };
      await api.PATCH("/v1/api-keys/{id}", { params: { path: { id: of.id } }, body: { name: name.trim(), role, ...when } as never });
      await client.invalidateQueries({ queryKey: ["api-keys"] });
      say("Saved");
      onClose();
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
      title="Change this key"
      lead="The key itself stays as it is."
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} onClick={() => void save()}>
            Save
          </Button>
        </>
      }
    >
      <Field label="Name">{(w) => <Input {...w} dir="auto" value={name} onChange={(e) => setName(e.target.value)} />}</Field>
      <Choices<Role> legend="Role" value={role} onChange={setRole} options={roleOptions("viewer", "developer", "ingest", "admin")} />
      <Field label="Expires" hint={of.expires_at ? `As it is: ${new Date(of.expires_at).toLocaleString()}.` : undefined}>
        {(w) => <Select {...w} value={expiry} onChange={(e) => setExpiry(e.target.value)} options={["as it is", ...days]} />}
      </Field>
      {error !== undefined && <Failure error={error} />}
    </Dialog>
  );
}
