import { Check as Tick, Minus, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useCatalogue } from "../../../api/catalogue";
import type { Schemas } from "../../../api/client";
import { TypeName } from "../../../parts/bits";
import { Button } from "../../../parts/button";
import { Chips, type Suggestion } from "../../../parts/chips";
import { Check, Field, TextArea } from "../../../parts/field";
import { Loaded } from "../../../parts/page";
import { plural } from "../../../words/text";
import { filters } from "./dialects";
import type { Draft } from "./draft";
import { EventPicker } from "./events";
import { useForm, useRecords } from "./state";
import css from "./which.module.css";

/** Step two: which events it gets. */
export function Which() {
  const { draft, set, error } = useForm();
  const catalogue = useCatalogue();
  return (
    <div className="stack" style={{ "--gap": "var(--s5)" } as never}>
      <Loaded query={catalogue} lines={6}>
        {(types) => <EventPicker types={types} />}
      </Loaded>
      <Scope />
      <Filter />
      <Check
        name="include_subaccounts"
        checked={draft.subaccounts}
        onChange={(e) => set({ subaccounts: e.target.checked })}
        label="Events of the accounts below, too"
        hint={error("include_subaccounts") ?? "For an operator’s own program that follows all customers."}
      />
    </div>
  );
}

const kinds: { of: keyof Draft["scope"]; schema: string; label: string; placeholder: string }[] = [
  { of: "numbers", schema: "number", label: "Numbers", placeholder: "+12025550100" },
  { of: "extensions", schema: "extension", label: "Extensions", placeholder: "101" },
  { of: "ring_groups", schema: "ring_group", label: "Ring groups", placeholder: "600" },
  { of: "queues", schema: "queue", label: "Queues", placeholder: "700" },
];

function Scope() {
  const { draft } = useForm();
  const set = kinds.some((k) => draft.scope[k.of].length);
  const [open, setOpen] = useState(set);
  return (
    <fieldset className={css.scope}>
      <legend>Of whom</legend>
      <div className={css.choice}>
        <Check
          checked={open}
          onChange={(e) => setOpen(e.target.checked)}
          disabled={set}
          label="Only events of certain numbers, extensions, ring groups or queues"
          hint={set ? "An event is sent if it touches one of these." : "Otherwise events of the whole account."}
        />
      </div>
      {(open || set) && (
        <div className={css.kinds}>
          {kinds.map((k) => (
            <ScopeList key={k.of} {...k} />
          ))}
        </div>
      )}
    </fieldset>
  );
}

function ScopeList({ of, schema, label, placeholder }: (typeof kinds)[number]) {
  const { draft, set, error } = useForm();
  const records = useRecords(schema, draft.account);
  return (
    <Field label={label} optional error={error("scope." + of)}>
      {(wired) => (
        <Chips
          {...wired}
          name={"scope." + of}
          values={draft.scope[of]}
          placeholder={placeholder}
          suggestions={records.data?.map(suggestion) ?? []}
          onChange={(list) => set({ scope: { ...draft.scope, [of]: list } })}
        />
      )}
    </Field>
  );
}

function suggestion({ id, row }: Schemas["Record"]): Suggestion {
  const of = row as { number?: unknown; name?: unknown; description?: unknown };
  return { value: String(of.number ?? id), label: String(of.name ?? of.description ?? "") };
}

function Filter() {
  const { draft, set, error, preview } = useForm();
  const [help, setHelp] = useState(false);
  const wrong = error("filter", true);
  return (
    <div className="stack" style={{ "--gap": "var(--s2)" } as never}>
      <Field
        label="Filter"
        optional
        error={wrong}
        hint={
          <>
            A condition in <abbr title="Common Expression Language, cel.dev">CEL</abbr> on what an event says; only events for which it is
            true are sent.{" "}
            <Button kind="quiet" size="small" aria-expanded={help} onClick={() => setHelp(!help)}>
              {help ? "Hide examples" : "Examples"}
            </Button>
          </>
        }
      >
        {(wired) => (
          <TextArea
            {...wired}
            name="filter"
            mono
            rows={2}
            style={{ minHeight: 60 }}
            placeholder={'data.call.direction == "inbound"'}
            value={draft.filter}
            onChange={(e) => set({ filter: e.target.value })}
          />
        )}
      </Field>
      {help && (
        <ul className={css.examples} aria-label="Examples of filters">
          {filters.map(([means, filter]) => (
            <li key={filter}>
              <button
                type="button"
                onClick={() => set({ filter: draft.filter.trim() ? `(${draft.filter.trim()}) && (${filter})` : filter })}
              >
                <span>{means}</span>
                <code>{filter}</code>
              </button>
            </li>
          ))}
          <li className="muted small">
            Ask with <code>has(data.call.from)</code> or <code>data.?call.?from</code> for what can be missing: a filter that cannot be told
            is no match. A press adds an example to what is written.
          </li>
        </ul>
      )}
      {draft.filter.trim() && !wrong && preview.request?.samples && <Samples samples={preview.request.samples} />}
    </div>
  );
}

/** What the filter makes of the samples of the types that are chosen. */
function Samples({ samples }: { samples: Schemas["SampleMatch"][] }) {
  const through = samples.filter((s) => s.match).length;
  const ill = samples.filter((s) => s.error);
  return (
    <details className={css.samples} open={ill.length === samples.length || undefined}>
      <summary>
        Lets through the samples of {through} of {plural(samples.length, "type")}
        {ill.length > 0 && `; of ${ill.length} it cannot tell`}
      </summary>
      <ul>
        {samples.map((s) => (
          <li key={s.type} data-state={s.match ? "match" : s.error ? "error" : "no"}>
            {s.match ? (
              <Tick size={15} aria-label="lets through" />
            ) : s.error ? (
              <TriangleAlert size={15} aria-label="cannot tell" />
            ) : (
              <Minus size={15} aria-label="keeps back" />
            )}
            <TypeName type={s.type} />
            {s.error && <span className="muted small">{s.error}</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}
