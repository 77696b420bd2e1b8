import { Building2, ChevronDown, ChevronRight, CornerDownRight, Ellipsis, KeyRound, Plus, SearchX, Telescope } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { useFilters } from "../../api/lists";
import { State, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { SearchInput } from "../../parts/field";
import { Menu } from "../../parts/overlay";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { type Column, Table } from "../../parts/table";
import { type Account, inTree, type Place, useAccounts } from "../../shell/accounts";
import { useMay } from "../../shell/session";
import { count, plural } from "../../words/text";
import { CreateAccount } from "./create";
import { SeeWhatTheySee } from "./see";
import css from "./accounts.module.css";

const hrefOf = (id: string) => `/accounts/${encodeURIComponent(id)}`;
const step = 100; // rows that are made at once

/** Tenants, as a tree. */
export default function AccountsPage() {
  const accounts = useAccounts();
  const [{ q }, set] = useFilters("q");
  const [making, setMaking] = useState<string>();
  const may = useMay("admin");
  return (
    <Page
      title="Accounts"
      lead="Operator, resellers and their customers. Who is signed in sees their own account and all below it."
      actions={
        may && (
          <Button kind="primary" icon={Plus} onClick={() => setMaking("")}>
            Create account
          </Button>
        )
      }
    >
      <div className={css.search}>
        <SearchInput label="Name or id" value={q} onSearch={(v) => set({ q: v })} />
      </div>
      <Card flush>
        <Loaded query={accounts} lines={8}>
          {(all) => <Tree accounts={all} q={q} onCreate={may ? setMaking : undefined} onClear={() => set({ q: "" })} />}
        </Loaded>
      </Card>
      {making !== undefined && <CreateAccount above={making} onClose={() => setMaking(undefined)} />}
    </Page>
  );
}

interface Row extends Place {
  open?: boolean;
  /** The accounts above it, where it stands outside of the tree. */
  path?: string;
}

function Tree({ accounts, q, onCreate, onClear }: { accounts: Account[]; q: string; onCreate?(above: string): void; onClear(): void }) {
  const places = useMemo(() => inTree(accounts), [accounts]);
  const [opened, setOpened] = useState<ReadonlySet<string>>(
    () => new Set(places.filter((p) => p.depth < (places.length > 60 ? 1 : 3)).map((p) => p.account.id)),
  );
  const [shown, setShown] = useState(step);
  const [seeing, setSeeing] = useState<Account>();
  const sought = useDeferredValue(q.toLowerCase());
  const rows = useMemo(() => (sought ? found(places, sought) : unfolded(places, opened)), [places, sought, opened]);
  const toggle = (id: string) =>
    setOpened((o) => {
      const next = new Set(o);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const columns = columnsOf(toggle, setSeeing, onCreate);
  if (!rows.length) {
    return (
      <Empty
        icon={sought ? SearchX : Building2}
        title={`No account is called “${q}”`}
        action={<Button onClick={onClear}>Clear filters</Button>}
      >
        Names and ids are looked through.
      </Empty>
    );
  }
  return (
    <>
      <Table
        label="Accounts"
        items={rows.slice(0, shown)}
        columns={columns}
        id={(r) => r.account.id}
        href={(r) => hrefOf(r.account.id)}
        mark={(r) => (r.account.status === "suspended" ? "warn" : undefined)}
      />
      {rows.length > shown && (
        <div className={css.more}>
          <Button kind="quiet" onClick={() => setShown((n) => n + step)}>
            Show more ({count(rows.length - shown)} left)
          </Button>
        </div>
      )}
      {seeing && <SeeWhatTheySee account={seeing} onClose={() => setSeeing(undefined)} />}
    </>
  );
}

function unfolded(places: Place[], opened: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  let closedAt = Number.POSITIVE_INFINITY;
  for (const p of places) {
    if (p.depth > closedAt) continue;
    const open = opened.has(p.account.id);
    closedAt = open ? Number.POSITIVE_INFINITY : p.depth;
    rows.push({ ...p, open: p.below ? open : undefined });
  }
  return rows;
}

function found(places: Place[], sought: string): Row[] {
  const path: Account[] = [];
  return places.flatMap((p) => {
    path.length = p.depth;
    const above = path.map((a) => a.name).join(" › ");
    path.push(p.account);
    return p.account.id.toLowerCase().includes(sought) || p.account.name.toLowerCase().includes(sought)
      ? [{ ...p, depth: 0, path: above }]
      : [];
  });
}

const columnsOf = (toggle: (id: string) => void, see: (a: Account) => void, create?: (above: string) => void): Column<Row>[] => [
  {
    head: "Account",
    narrow: "title",
    wide: true,
    cell: (r) => (
      <span className={css.name} style={{ paddingInlineStart: Math.min(r.depth, 8) * 22 }}>
        {r.open === undefined ? (
          r.depth > 0 ? (
            <CornerDownRight size={15} aria-hidden className={css.leaf} />
          ) : (
            <span className={css.leaf} />
          )
        ) : (
          <button
            type="button"
            className={css.fold}
            aria-expanded={r.open}
            aria-label={`Accounts below ${r.account.name}`}
            onClick={() => toggle(r.account.id)}
          >
            {r.open ? <ChevronDown size={16} aria-hidden /> : <ChevronRight size={16} aria-hidden />}
          </button>
        )}
        <span className="grow">
          <Link href={hrefOf(r.account.id)} className="truncate" dir="auto">
            {r.account.name}
          </Link>
          {r.path && (
            <small className="truncate muted" dir="auto">
              {r.path}
            </small>
          )}
        </span>
      </span>
    ),
  },
  { head: "Id", cell: (r) => <code className={css.id}>{r.account.id}</code> },
  {
    head: "State",
    cell: (r) => (
      <State
        of={r.account.status}
        tone={r.account.status === "suspended" ? "warn" : "ok"}
        title={r.account.status === "suspended" && !r.account.suspended ? "An account above it is suspended" : undefined}
      />
    ),
  },
  { head: "Below", align: "end", cell: (r) => (r.all ? count(r.all) : "—") },
  { head: "Made", align: "end", narrow: "hide", cell: (r) => <Time at={r.account.created_at} as="ago" /> },
  {
    head: "More",
    align: "end",
    narrow: "hide",
    cell: (r) => <RowMenu row={r} see={see} create={create} />,
  },
];

function RowMenu({ row, see, create }: { row: Row; see(a: Account): void; create?(above: string): void }) {
  const [, go] = useLocation();
  const id = row.account.id;
  return (
    <Menu
      trigger={
        <Button
          kind="quiet"
          size="small"
          icon={Ellipsis}
          aria-label={`More for ${row.account.name} (${plural(row.all, "account")} below)`}
        />
      }
      items={[
        { label: "Look at its calls", icon: Telescope, onSelect: () => go(`/calls?account=${encodeURIComponent(id)}`) },
        { label: "Keys and users", icon: KeyRound, onSelect: () => go(`/access?account=${encodeURIComponent(id)}`) },
        { label: "See what they see", icon: Building2, onSelect: () => see(row.account) },
        !!create && "line",
        !!create && { label: "Create one below", icon: Plus, onSelect: () => create(id) },
      ]}
    />
  );
}
