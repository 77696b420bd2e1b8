import { useQueryClient } from "@tanstack/react-query";
import { KeyRound, Pencil, Trash2, UserPlus, Users as UsersIcon } from "lucide-react";
import { useState } from "react";
import { api, body, Problem, type Schemas } from "../../api/client";
import { given, useList } from "../../api/lists";
import { Badge, Id, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Check, Choices, Field, Input } from "../../parts/field";
import { Confirm, Dialog, say } from "../../parts/overlay";
import { Card, Empty, Failure, Loaded } from "../../parts/page";
import { type Column, More, Table } from "../../parts/table";
import { AccountPicker, useAccounts } from "../../shell/accounts";
import { useAccount, useOperator, useWho } from "../../shell/session";
import { Once } from "./once";
import { type Role, roleOptions, roles } from "./roles";
import css from "./access.module.css";

type User = Schemas["User"];

// Without what is mistaken for something else when it is read aloud or written down.
const letters = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";

/** A password nobody has thought up: 20 of 54 signs, 115 bits. */
function password(): string {
  let made = "";
  while (made.length < 20) {
    for (const n of crypto.getRandomValues(new Uint8Array(32))) {
      if (n < 54 * 4 && made.length < 20) made += letters[n % 54];
    }
  }
  return made;
}

/** The people who sign in. */
export function Users() {
  const [account] = useAccount();
  const [inviting, setInviting] = useState(false);
  const [changing, setChanging] = useState<User>();
  const [resetting, setResetting] = useState<User>();
  const [deleting, setDeleting] = useState<User>();
  const client = useQueryClient();
  const list = useList(
    ["users", account],
    (cursor) => body(api.GET("/v1/users", { params: { query: given({ account_id: account, cursor, limit: 100 }) } })),
    { fresh: 30_000 },
  );
  const columns = columnsOf({ change: setChanging, reset: setResetting, remove: setDeleting });
  return (
    <Card
      flush
      title="Users"
      lead="People who sign in with a login and a password, or at the operator’s OpenID provider."
      actions={
        <Button kind="primary" icon={UserPlus} onClick={() => setInviting(true)}>
          Add user
        </Button>
      }
    >
      <Loaded query={{ ...list, data: list.items }} lines={5}>
        {(items) =>
          items.length ? (
            <>
              <Table label="Users" items={items} columns={columns} id={(u) => u.id} />
              <More query={list} />
            </>
          ) : (
            <Empty icon={UsersIcon} title="No users here">
              Add one for each person, so that the audit log can say who has done what.
            </Empty>
          )
        }
      </Loaded>
      {inviting && <Invite onClose={() => setInviting(false)} />}
      {changing && <ChangeUser of={changing} onClose={() => setChanging(undefined)} />}
      {resetting && <Reset of={resetting} onClose={() => setResetting(undefined)} />}
      <Confirm
        open={!!deleting}
        onClose={() => setDeleting(undefined)}
        title="Delete this user?"
        action="Delete user"
        danger
        onConfirm={async () => {
          await api.DELETE("/v1/users/{id}", { params: { path: { id: deleting?.id ?? "" } } });
          await client.invalidateQueries({ queryKey: ["users"] });
          say("The user was deleted");
        }}
      >
        <p>
          <b dir="auto">{deleting?.name}</b> (<span dir="auto">{deleting?.login}</span>) is signed out everywhere, and cannot come in again.
          What they have done stays in the audit log.
        </p>
      </Confirm>
    </Card>
  );
}

interface Acts {
  change(u: User): void;
  reset(u: User): void;
  remove(u: User): void;
}

const columnsOf = (acts: Acts): Column<User>[] => [
  {
    head: "Name",
    narrow: "title",
    wide: true,
    cell: (u) => (
      <bdi className={css.name} title={u.name}>
        {u.name}
      </bdi>
    ),
  },
  {
    head: "Login",
    cell: (u) => (
      <bdi className={css.login} title={u.login}>
        {u.login}
      </bdi>
    ),
  },
  {
    head: "Role",
    cell: (u) => (
      <Badge tone={u.role === "admin" ? "info" : "idle"} title={roles[u.role as Role]}>
        {u.role}
      </Badge>
    ),
  },
  { head: "Account", cell: (u) => <Id copy={false}>{u.account_id}</Id> },
  { head: "Signs in", cell: (u) => (u.has_password ? "with a password" : "at the OpenID provider") },
  { head: "Made", narrow: "hide", cell: (u) => <Time at={u.created_at} as="ago" /> },
  {
    head: "Change",
    align: "end",
    cell: (u) => (
      <span className={css.acts}>
        <Button kind="quiet" size="small" icon={Pencil} aria-label={`Change ${u.name}`} onClick={() => acts.change(u)} />
        <Button kind="quiet" size="small" icon={KeyRound} aria-label={`New password for ${u.name}`} onClick={() => acts.reset(u)} />
        <Button kind="quiet" size="small" icon={Trash2} aria-label={`Delete ${u.name}`} onClick={() => acts.remove(u)} />
      </span>
    ),
  },
];

function Invite({ onClose }: { onClose(): void }) {
  const who = useWho();
  const [looked] = useAccount();
  const { data: accounts } = useAccounts();
  const client = useQueryClient();
  const [login, setLogin] = useState("");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("developer");
  const [account, setAccount] = useState(looked ?? who.account_id);
  const [withPassword, setWithPassword] = useState(true);
  const [made, setMade] = useState<{ user: User; secret?: string }>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const create = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const secret = withPassword ? password() : undefined;
      const user = await body(
        api.POST("/v1/users", {
          body: { login: login.trim(), role: role as "viewer", account_id: account, ...given({ name: name.trim(), password: secret }) },
        }),
      );
      await client.invalidateQueries({ queryKey: ["users"] });
      if (secret) setMade({ user, secret });
      else {
        say("The user was added");
        onClose();
      }
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  if (made) return <Secret user={made.user} secret={made.secret ?? ""} title="The user was added" onClose={onClose} />;
  return (
    <Dialog
      open
      onClose={onClose}
      title="Add user"
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} disabled={!login.trim()} onClick={() => void create()}>
            Add user
          </Button>
        </>
      }
    >
      <Field label="Login" hint="Such as an e-mail address. No two users have the same." error={problem?.about("login")}>
        {(w) => <Input {...w} dir="auto" autoFocus value={login} onChange={(e) => setLogin(e.target.value)} />}
      </Field>
      <Field label="Name" optional error={problem?.about("name")}>
        {(w) => <Input {...w} dir="auto" value={name} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Choices<Role> legend="Role" value={role} onChange={setRole} options={roleOptions("viewer", "developer", "admin")} />
      {(accounts?.length ?? 0) > 1 && (
        <Field label="Account" hint="They see this one, and all below." error={problem?.about("account_id")}>
          {(w) => <AccountPicker id={w.id} label="Account" value={account} onChange={setAccount} />}
        </Field>
      )}
      <Check
        label="Make a password"
        hint="It is shown once, to be handed on; they can change it under Settings. Without one they sign in at the OpenID provider."
        checked={withPassword}
        onChange={(e) => setWithPassword(e.target.checked)}
      />
      {error !== undefined && <Failure error={error} />}
    </Dialog>
  );
}

function Secret({ user, secret, title, onClose }: { user: User; secret: string; title: string; onClose(): void }) {
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      foot={
        <Button kind="primary" onClick={onClose}>
          I have handed it on
        </Button>
      }
    >
      <Once secret={secret} label="the password">
        Hand it on now: it is shown this once. <bdi>{user.login}</bdi> signs in with it at {location.origin}, and can change it under
        Settings.
      </Once>
    </Dialog>
  );
}

function Reset({ of, onClose }: { of: User; onClose(): void }) {
  const [secret, setSecret] = useState<string>();
  const client = useQueryClient();
  if (secret) return <Secret user={of} secret={secret} title="The password was changed" onClose={onClose} />;
  return (
    <Confirm
      open
      onClose={() => {}}
      title={`A new password for ${of.name}?`}
      action="Make a new password"
      onConfirm={async () => {
        const made = password();
        await api.PATCH("/v1/users/{id}", { params: { path: { id: of.id } }, body: { password: made } });
        await client.invalidateQueries({ queryKey: ["users"] });
        setSecret(made);
      }}
    >
      <p>The one until now is worth nothing from then on, and all sessions of the user end.</p>
    </Confirm>
  );
}

function ChangeUser({ of, onClose }: { of: User; onClose(): void }) {
  const client = useQueryClient();
  const operator = useOperator();
  const [name, setName] = useState(of.name);
  const [login, setLogin] = useState(of.login);
  const [subject, setSubject] = useState(of.oidc_subject ?? "");
  const [role, setRole] = useState(of.role as Role);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error instanceof Problem ? error : undefined;
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const change = { name: name.trim(), login: login.trim(), role, oidc_subject: subject.trim() || null };
      await api.PATCH("/v1/users/{id}", { params: { path: { id: of.id } }, body: change as never });
      await client.invalidateQueries({ queryKey: ["users"] });
      say("Saved", "A role is in force with the next request.");
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
      title="Change this user"
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={busy} onClick={() => void save()}>
            Save
          </Button>
        </>
      }
    >
      <Field label="Name" error={problem?.about("name")}>
        {(w) => <Input {...w} dir="auto" value={name} onChange={(e) => setName(e.target.value)} />}
      </Field>
      <Field label="Login" error={problem?.about("login")}>
        {(w) => <Input {...w} dir="auto" value={login} onChange={(e) => setLogin(e.target.value)} />}
      </Field>
      <Choices<Role> legend="Role" value={role} onChange={setRole} options={roleOptions("viewer", "developer", "admin")} />
      {operator && (
        <Field
          label="Subject at the OpenID provider"
          optional
          hint="Left empty: whoever has the login there, as a verified e-mail address. Another one ends the user’s sessions."
          error={problem?.about("oidc_subject")}
        >
          {(w) => <Input {...w} mono value={subject} onChange={(e) => setSubject(e.target.value)} />}
        </Field>
      )}
      {error !== undefined && <Failure error={error} />}
    </Dialog>
  );
}
