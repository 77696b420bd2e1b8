import { useState } from "react";
import { BookOpen } from "lucide-react";
import { Link } from "wouter";
import { type EventType, useCatalogue } from "../../api/catalogue";
import { useFilters } from "../../api/lists";
import { Badge, TypeName } from "../../parts/bits";
import { Button } from "../../parts/button";
import { SearchInput, Select } from "../../parts/field";
import { Card, Empty, Loaded, Page } from "../../parts/page";
import { useKeep } from "../../shell/session";
import { plural } from "../../words/text";
import { dialectOf } from "../webhooks/form/dialects";

import { familiesOf } from "../webhooks/selection";
import css from "./catalogue.module.css";

/** Every type of event, by family. */
export default function Catalogue() {
  const query = useCatalogue();
  const [filters, set] = useFilters("q", "dialect");
  const words = filters.q.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (t: EventType) => {
    const names = t.dialects.filter((d) => !filters.dialect || d.dialect === filters.dialect);
    if (filters.dialect && !names.length) return false;
    const text = `${t.type} ${t.description} ${names.map((d) => d.name).join(" ")}`.toLowerCase();
    return words.every((w) => text.includes(w));
  };
  return (
    <Page title="Catalogue" lead="Every event that a webhook can get: what it means, what it carries, and what each shape makes of it.">
      <search className={css.filters} aria-label="Filters">
        <SearchInput label="Search type, meaning, or another system’s name" value={filters.q} onSearch={(q) => set({ q })} />
        <Select
          aria-label="Shape"
          value={filters.dialect}
          onChange={(e) => set({ dialect: e.target.value })}
          options={[
            { value: "", label: "Any shape" },
            ...["kazoo", "voipbin", "teli", "primevox"].map((d) => ({ value: d, label: `What ${dialectOf(d).title} has` })),
          ]}
        />
      </search>
      <Loaded query={query} lines={12}>
        {(types) => {
          const hits = types.filter(fits);
          return hits.length ? (
            <Families types={hits} dialect={filters.dialect} sought={words.length > 0} />
          ) : (
            <Card>
              <Empty
                icon={BookOpen}
                title="No event is called or described so"
                action={<Button onClick={() => set({ q: "", dialect: "" })}>Clear filters</Button>}
              >
                None of {plural(types.length, "type")} fits. Events of your own are called custom.* and need no entry here.
              </Empty>
            </Card>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Families({ types, dialect, sought }: { types: EventType[]; dialect: string; sought: boolean }) {
  const families = familiesOf(types);
  const link = useKeep();
  const [, setJumped] = useState("");
  return (
    <div className={css.layout}>
      {!sought && (
        <nav className={css.index} aria-label="Families">
          {families.map((f) => (
            <a key={f.name} href={"#" + f.name} onClick={() => setJumped(f.name)}>
              <span className="truncate">{f.title}</span>
              <span className="muted tabular">{f.types.length}</span>
            </a>
          ))}
        </nav>
      )}
      <div className="stack">
        {families.map((f) => (
          <Card key={f.name} flush title={f.title} id={f.name}>
            <ul className={css.types}>
              {f.types.map((t) => (
                <li key={t.type}>
                  <Link href={link("/catalogue/" + t.type)}>
                    <TypeName type={t.type} />
                  </Link>
                  <span className={css.means}>
                    {t.description}
                    {(dialect || sought) && (
                      <span className="muted small">
                        {t.dialects
                          .filter((d) => (dialect ? d.dialect === dialect : !["switchhook", "template"].includes(d.dialect)))
                          .map((d) => `${dialectOf(d.dialect).title}: ${d.name}`)
                          .join(" · ")}
                      </span>
                    )}
                  </span>
                  <Freshness of={t} />
                </li>
              ))}
            </ul>
          </Card>
        ))}
      </div>
    </div>
  );
}

const tones = { live: "info", timely: "ok", lasting: "idle" } as const;

export function Freshness({ of }: { of: Pick<EventType, "freshness"> }) {
  return (
    <Badge tone={tones[of.freshness]} title={freshness[of.freshness]}>
      {of.freshness}
    </Badge>
  );
}

/** What a type's freshness means for its deliveries. */
export const freshness = {
  live: "Of use for a minute: a delivery that is older expires.",
  timely: "Of use for six hours: a delivery that is older expires.",
  lasting: "Of use until it is delivered: it expires never, and is retried for two days.",
};
