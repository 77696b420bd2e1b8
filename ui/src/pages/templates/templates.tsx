import { useQuery, useQueryClient } from "@tanstack/react-query";
import { LayoutTemplate, Plus } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { templates, type TemplateSummary } from "../../api/mail";
import { useFilters } from "../../api/lists";
import { Badge, Time } from "../../parts/bits";
import { Button } from "../../parts/button";
import { Check, SearchInput, Segments } from "../../parts/field";
import { complain, say } from "../../parts/overlay";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { type Column, Table } from "../../parts/table";
import { useAccounts } from "../../shell/accounts";
import { useAccount, useKeep, useMay, useWho } from "../../shell/session";
import { MailServer } from "../mails/server";
import { NewTemplate } from "./new";
import { categories, categoryName, recipientWords, WhoseBadge } from "./words";
import css from "./templates.module.css";

type View = "" | "own" | "off";

/** All that the account's people can be told by mail, and whether they are. */
export default function Templates() {
  const [account] = useAccount();
  const who = useWho();
  const owner = account ?? who.account_id;
  const may = useMay("developer");
  const [filters, set] = useFilters("q", "view");
  const [making, make] = useState(false);
  const accounts = useAccounts();
  const query = useQuery({ queryKey: ["templates", owner], queryFn: () => templates.list(owner) });
  const name = accounts.data?.find((a) => a.id === owner)?.name || (owner === who.account_id ? who.account_name : owner);
  const wanted = query.data?.filter((t) => fits(t, filters.q, filters.view as View));
  return (
    <Page
      title="Templates"
      lead={
        <>
          What people are told by mail, and how it reads. These are those of <bdi>{name}</bdi>: what is not its own comes from above.
        </>
      }
      actions={
        may && (
          <Button kind="primary" icon={Plus} onClick={() => make(true)}>
            New template
          </Button>
        )
      }
    >
      <MailServer />
      <search className={css.filters} aria-label="Filters">
        <SearchInput label="Search name, event, id" value={filters.q} onSearch={(q) => set({ q })} />
        <Segments<View>
          label="Which"
          value={filters.view as View}
          onChange={(view) => set({ view })}
          options={[
            { value: "", label: "All" },
            { value: "own", label: "Changed here" },
            { value: "off", label: "Off" },
          ]}
        />
      </search>
      <Loaded query={{ ...query, data: wanted }} lines={12}>
        {(list) =>
          list.length ? (
            categories(list).map((category) => (
              <Category key={category} name={category} list={list.filter((t) => t.category === category)} account={owner} may={may} />
            ))
          ) : (
            <Card>
              <Empty
                icon={LayoutTemplate}
                title="No template is like that"
                action={<Button onClick={() => set({ q: "", view: "" })}>Clear filters</Button>}
              >
                {filters.view === "own" && !filters.q
                  ? "Nothing is changed here: all templates are as they are inherited, or built in."
                  : "Look for another word, or at all of them."}
              </Empty>
            </Card>
          )
        }
      </Loaded>
      {making && <NewTemplate account={owner} onClose={() => make(false)} />}
    </Page>
  );
}

function fits(t: TemplateSummary, q: string, view: View): boolean {
  if (view === "own" && !t.changed.length) return false;
  if (view === "off" && t.enabled) return false;
  const text = `${t.name} ${t.id} ${t.description ?? ""} ${t.event_types.join(" ")} ${categoryName(t.category)}`.toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function Category({ name, list, account, may }: { name: string; list: TemplateSummary[]; account: string; may: boolean }) {
  const keep = useKeep();
  const href = (t: TemplateSummary) => keep(`/templates/${encodeURIComponent(t.id)}`);
  const columns: Column<TemplateSummary>[] = [
    { head: "On", width: "64px", cell: (t) => <OnOff template={t} account={account} may={may} /> },
    {
      head: "Template",
      narrow: "title",
      cell: (t) => (
        <div className={css.name}>
          <Link href={href(t)} dir="auto">
            {t.name}
          </Link>
          <span className="muted small">{t.description || "Sent where a call flow's notification names it."}</span>
        </div>
      ),
    },
    { head: "Whose", width: "190px", cell: (t) => <Whose template={t} /> },
    { head: "Who gets it", width: "170px", cell: (t) => <span className="small">{recipientWords(t)}</span> },
    {
      head: "Changed here",
      width: "120px",
      align: "end",
      cell: (t) => (t.updated_at && t.changed.length ? <Time at={t.updated_at} as="ago" /> : null),
    },
  ];
  return (
    <Card title={categoryName(name)} flush>
      <div className={css.category}>
        <Table label={categoryName(name)} items={list} columns={columns} id={(t) => t.id} href={href} />
      </div>
    </Card>
  );
}

function Whose({ template: t }: { template: TemplateSummary }) {
  if (t.custom && t.changed.length) return <Badge tone="info">Your own template</Badge>;
  if (t.changed.length) return <WhoseBadge own title={`Yours: ${t.changed.join(", ").replaceAll("_", " ")}`} />;
  return <WhoseBadge account={t.inherited_from[0]} />;
}

/** Turns it on or off, at once. */
function OnOff({ template: t, account, may }: { template: TemplateSummary; account: string; may: boolean }) {
  const client = useQueryClient();
  const key = ["templates", account];
  const put = (enabled: boolean) =>
    client.setQueryData<TemplateSummary[]>(key, (list) => list?.map((x) => (x.id === t.id ? { ...x, enabled } : x)));
  const change = async (enabled: boolean) => {
    put(enabled);
    try {
      await templates.change(t.id, account, undefined, { enabled });
      say(`${t.name} is ${enabled ? "on" : "off"}`);
    } catch (e) {
      put(!enabled);
      complain(e);
    }
    void client.invalidateQueries({ queryKey: ["templates"] });
    void client.invalidateQueries({ queryKey: ["template"] });
  };
  return (
    <Check
      as="switch"
      checked={t.enabled}
      disabled={!may}
      title={may ? undefined : "Your role may look only"}
      onChange={(e) => void change(e.target.checked)}
      label={<span className="unseen">Send {t.name}</span>}
    />
  );
}
