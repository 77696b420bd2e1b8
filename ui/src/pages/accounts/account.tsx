import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Building2, Plus, Telescope } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link, useLocation, useParams } from "wouter";
import { api, body, Problem } from "../../api/client";
import { useFilters } from "../../api/lists";
import { Id, State, Time } from "../../parts/bits";
import { Button, ButtonLink } from "../../parts/button";
import { DialectIds } from "../../parts/dialectids";
import { Field, Input } from "../../parts/field";
import { Confirm, Dialog, say, Tabs } from "../../parts/overlay";
import { Card, Facts, Failure, Loaded, Note, Page } from "../../parts/page";
import { type Account, AccountPicker, inTree, useAccounts } from "../../shell/accounts";
import { useMay, useWho } from "../../shell/session";
import { count, plural } from "../../words/text";
import { CreateAccount } from "./create";
import { AccountLimits } from "./limits";
import { AccountPortal } from "./portal";
import { SeeWhatTheySee } from "./see";
import css from "./accounts.module.css";

/** One account: where it stands, what it may do, how its portal looks. */
export default function AccountPage() {
  const { id: raw = "" } = useParams();
  const id = decodeURIComponent(raw);
  const query = useQuery({ queryKey: ["account", id], queryFn: () => body(api.GET("/v1/accounts/{id}", { params: { path: { id } } })) });
  if (query.data) return <Shown account={query.data} key={id} />;
  return (
    <Page title={id} above={[{ href: "/accounts", label: "Accounts" }]}>
      <Loaded query={query} lines={8}>
        {() => null}
      </Loaded>
    </Page>
  );
}

function Shown({ account }: { account: Account }) {
  const may = useMay("admin");
  const [{ tab }, set] = useFilters("tab");
  const { data: all = [] } = useAccounts();
  const [seeing, setSeeing] = useState(false);
  const [making, setMaking] = useState(false);
  const above: { href: string; label: string }[] = [];
  for (let at = all.find((a) => a.id === account.parent_id); at && above.length < 20;) {
    above.unshift({ href: `/accounts/${encodeURIComponent(at.id)}`, label: at.name });
    const next = at.parent_id;
    at = all.find((a) => a.id === next);
  }
  const here = encodeURIComponent(account.id);
  return (
    <Page
      title={<bdi>{account.name}</bdi>}
      name={account.name}
      above={[{ href: "/accounts", label: "Accounts" }, ...above]}
      beside={<State of={account.status} tone={account.status === "suspended" ? "warn" : "ok"} />}
      actions={
        <>
          <ButtonLink href={`/?account=${here}`} icon={Telescope}>
            Look at its data
          </ButtonLink>
          {may && (
            <>
              <Button icon={Building2} onClick={() => setSeeing(true)}>
                See what they see
              </Button>
              <Button icon={Plus} onClick={() => setMaking(true)}>
                Create one below
              </Button>
            </>
          )}
        </>
      }
    >
      {account.status === "suspended" && (
        <Note kind="warn">
          {account.suspended
            ? "It is suspended: its keys and users, and those of the accounts below, are refused; so are their events, and their deliveries wait."
            : "An account above it is suspended, so this one is, too."}
        </Note>
      )}
      <Tabs
        label="About this account"
        value={tab || "about"}
        onChange={(t) => set({ tab: t === "about" ? "" : t })}
        tabs={[
          { value: "about", label: "About", content: <About account={account} all={all} /> },
          { value: "limits", label: "Limits and network", content: <AccountLimits account={account} /> },
          { value: "portal", label: "Portal", content: <AccountPortal account={account} /> },
          {
            value: "ids",
            label: "Other systems’ ids",
            content: <DialectIds account={account.id} schema="account" id={account.id} />,
          },
        ]}
      />
      {seeing && <SeeWhatTheySee account={account} onClose={() => setSeeing(false)} />}
      {making && <CreateAccount above={account.id} onClose={() => setMaking(false)} />}
    </Page>
  );
}

function About({ account, all }: { account: Account; all: Account[] }) {
  const may = useMay("admin");
  const who = useWho();
  const place = inTree(all).find((p) => p.account.id === account.id);
  const here = new URLSearchParams({ account: account.id });
  return (
    <div className={css.two}>
      <div className="stack">
        <Card title="Facts">
          <Facts
            items={[
              ["Id", <Id key="id">{account.id}</Id>],
              [
                "Above it",
                account.parent_id ? (
                  <Link key="above" href={`/accounts/${encodeURIComponent(account.parent_id)}`}>
                    {account.parent_id}
                  </Link>
                ) : (
                  "nothing: it is the operator’s"
                ),
              ],
              ["Below it", plural(place?.all ?? 0, "account")],
              ["Made", <Time key="made" at={account.created_at} />],
              ["Changed", <Time key="changed" at={account.updated_at} />],
              account.suspended_at ? (["Suspended", <Time key="since" at={account.suspended_at} />] as const) : undefined,
            ]}
          />
        </Card>
        <Card title="What belongs to it">
          <div className="row wrap">
            {[
              ["/webhooks", "Webhooks"],
              ["/records", "Directory"],
              ["/access", "Keys and users"],
              ["/sources", "Sources"],
              ["/audit", "Audit"],
            ].map(([href, label]) => (
              <ButtonLink key={href} href={`${href}?${here}`} size="small">
                {label}
              </ButtonLink>
            ))}
          </div>
        </Card>
      </div>
      {may && (
        <Card title="Change it">
          <div className={css.acts}>
            <Rename account={account} />
            {account.id !== who.account_id && account.parent_id && <Move account={account} />}
            {account.id !== who.account_id && <Suspend account={account} />}
            {account.id !== who.account_id && account.parent_id && <Delete account={account} below={place?.all ?? 0} />}
          </div>
          {account.id === who.account_id && <p className="muted small">One’s own account is moved, suspended and deleted from above.</p>}
        </Card>
      )}
    </div>
  );
}

/** Changes an account, and shows it as it then is. */
export function useChange(account: Account) {
  const client = useQueryClient();
  return async (change: { [member: string]: unknown }) => {
    const changed = await body(api.PATCH("/v1/accounts/{id}", { params: { path: { id: account.id } }, body: change as never }));
    client.setQueryData(["account", account.id], changed);
    await client.invalidateQueries({ queryKey: ["accounts"] });
    return changed;
  };
}

function Act({ title, children, action }: { title: string; children: ReactNode; action: ReactNode }) {
  return (
    <div>
      <div>
        <h3>{title}</h3>
        <p className="muted small">{children}</p>
      </div>
      {action}
    </div>
  );
}

function Rename({ account }: { account: Account }) {
  const change = useChange(account);
  const [open, setOpen] = useState(false);
  const [name, setName] = useState(account.name);
  const [error, setError] = useState<unknown>();
  const save = async () => {
    try {
      await change({ name: name.trim() });
      setOpen(false);
    } catch (e) {
      setError(e);
    }
  };
  return (
    <Act title="Name" action={<Button onClick={() => setOpen(true)}>Rename</Button>}>
      What people see. The id stays.
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title="Rename this account"
        foot={
          <Button kind="primary" disabled={!name.trim()} onClick={() => void save()}>
            Rename
          </Button>
        }
      >
        <Field label="Name" error={error instanceof Problem ? error.about("name") : undefined}>
          {(w) => <Input {...w} dir="auto" value={name} onChange={(e) => setName(e.target.value)} />}
        </Field>
        {error !== undefined && <Failure error={error} />}
      </Dialog>
    </Act>
  );
}

function Move({ account }: { account: Account }) {
  const change = useChange(account);
  const [open, setOpen] = useState(false);
  const [to, setTo] = useState(account.parent_id ?? "");
  return (
    <Act title="Move" action={<Button onClick={() => setOpen(true)}>Move…</Button>}>
      Below another account, with all that is below it. Who is above from then on sees it; who was above no longer does.
      <Confirm
        open={open}
        onClose={() => setOpen(false)}
        title={`Move ${account.name}`}
        action="Move"
        onConfirm={async () => {
          await change({ parent_id: to });
          say("The account was moved");
        }}
      >
        <div className="stack">
          <Field label="Below">{(w) => <AccountPicker id={w.id} label="Below" value={to} onChange={setTo} leaveOut={account.id} />}</Field>
        </div>
      </Confirm>
    </Act>
  );
}

function Suspend({ account }: { account: Account }) {
  const change = useChange(account);
  const [open, setOpen] = useState(false);
  const now = account.suspended;
  return (
    <Act title={now ? "Resume" : "Suspend"} action={<Button onClick={() => setOpen(true)}>{now ? "Resume" : "Suspend…"}</Button>}>
      {now ? "Its keys work again, and what has waited is sent." : "For who does not pay, say. Nothing is lost that has come in."}
      <Confirm
        open={open}
        onClose={() => setOpen(false)}
        title={now ? `Resume ${account.name}?` : `Suspend ${account.name}?`}
        action={now ? "Resume" : "Suspend"}
        danger={!now}
        onConfirm={async () => {
          await change({ suspended: !now });
          say(now ? "The account was resumed" : "The account was suspended");
        }}
      >
        <p>
          {now
            ? "Its keys, users and events are taken again, and deliveries that have waited are sent, the oldest first."
            : "Its keys and users are refused at once, and those of all accounts below; so are their events. Deliveries to their webhooks wait until it is resumed."}
        </p>
      </Confirm>
    </Act>
  );
}

function Delete({ account, below }: { account: Account; below: number }) {
  const [open, setOpen] = useState(false);
  return (
    <Act
      title="Delete"
      action={
        <Button kind="danger" onClick={() => setOpen(true)}>
          Delete…
        </Button>
      }
    >
      With its webhooks, keys, users, sources and records. It cannot be undone.
      {open && <DeleteDialog account={account} below={below} onClose={() => setOpen(false)} />}
    </Act>
  );
}

/** Counts what goes with an account: "500 and more" where there is more than one page. */
function useGoing(account: string) {
  return useQuery({
    queryKey: ["going", account],
    queryFn: async () => {
      const query = { account_id: account, limit: 500 };
      const lists = await Promise.all([
        body(api.GET("/v1/webhooks", { params: { query } })),
        body(api.GET("/v1/api-keys", { params: { query } })),
        body(api.GET("/v1/users", { params: { query } })),
        body(api.GET("/v1/sources", { params: { query } })),
        body(api.GET("/v1/records", { params: { query } })),
      ]);
      const names = ["webhooks", "API keys", "users", "sources", "records"];
      return lists.map((l, i) => [names[i] ?? "", count(l.items.length) + (l.next_cursor ? " and more" : "")] as const);
    },
  });
}

function DeleteDialog({ account, below, onClose }: { account: Account; below: number; onClose(): void }) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const going = useGoing(account.id);
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const remove = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await api.DELETE("/v1/accounts/{id}", { params: { path: { id: account.id }, query: below ? { recursive: true } : {} } });
      await client.invalidateQueries({ queryKey: ["accounts"] });
      say("The account was deleted");
      go(account.parent_id ? `/accounts/${encodeURIComponent(account.parent_id)}` : "/accounts");
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Delete ${account.name}?`}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="danger" busy={busy} disabled={typed.trim() !== account.name} onClick={() => void remove()}>
            Delete account
          </Button>
        </>
      }
    >
      <p>
        What is open for its webhooks is cancelled. Its history stays as long as history is kept, for the operator alone to see, and the id{" "}
        <code>{account.id}</code> is not given again.
      </p>
      <Loaded query={going} lines={3}>
        {(counts) => (
          <Facts columns items={[...counts.filter(([, n]) => n !== "0"), ...(below ? [["accounts below", count(below)] as const] : [])]} />
        )}
      </Loaded>
      {below > 0 && <Note kind="warn">The {plural(below, "account")} below it and all that is theirs are deleted with it.</Note>}
      <Field label={`Type ${account.name} to confirm`}>
        {(w) => <Input {...w} dir="auto" value={typed} onChange={(e) => setTyped(e.target.value)} />}
      </Field>
      {error !== undefined && <Failure error={error} />}
    </Dialog>
  );
}
