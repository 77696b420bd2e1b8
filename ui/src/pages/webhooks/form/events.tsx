import { ChevronRight } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { type EventType } from "../../../api/catalogue";
import { TypeName } from "../../../parts/bits";
import { Chips } from "../../../parts/chips";
import { Check, Field, SearchInput, Segments } from "../../../parts/field";
import { familyColour, plural } from "../../../words/text";
import { familiesOf, patterns, selected, selects, withFamily, withType } from "../selection";
import css from "./events.module.css";
import { useForm } from "./state";

/** Chooses event types: all, families, single ones, and patterns. */
export function EventPicker({ types }: { types: EventType[] }) {
  const { draft, set, error } = useForm();
  const [sought, seek] = useState("");
  const [open, setOpen] = useState<Record<string, boolean>>({});
  const { events, dialect } = draft;
  const all = events.includes("*");
  // What was chosen before "All events" comes back after it.
  const [chosen, setChosen] = useState(all ? [] : events);
  const change = (next: string[]) => {
    if (!next.includes("*")) setChosen(next);
    set({ events: next });
  };
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = types.filter((t) => words.every((w) => (t.type + " " + t.description + " " + names(t)).toLowerCase().includes(w)));
  const on = selected(events, types);
  const sent = on.filter((t) => sends(t, dialect));
  const own = patterns(events, types);
  const wrong = error("events");
  return (
    <fieldset className={css.picker} aria-describedby="events-error">
      <legend>Events</legend>
      <div className="row wrap spread">
        <Segments
          label="Which events"
          value={all ? "all" : "some"}
          onChange={(v) => change(v === "all" ? ["*"] : chosen)}
          options={[
            { value: "some", label: "Chosen events" },
            { value: "all", label: "All events" },
          ]}
        />
        <span className="muted small" role="status">
          {plural(on.length, "type")} chosen
          {sent.length < on.length && `, of which this shape has ${sent.length}`}
        </span>
      </div>
      {wrong && (
        <p id="events-error" className={css.error} tabIndex={-1} aria-invalid>
          {wrong}
        </p>
      )}
      {all ? (
        <p className="muted">Every event of the catalogue, and each type that is added to it later or that you name custom.*.</p>
      ) : (
        <>
          <SearchInput label="Search events, such as voicemail or channel_destroy" value={sought} onSearch={seek} />
          <div className={css.families} role="group" aria-label="Event types">
            {familiesOf(hits).map((f) => (
              <Family
                key={f.name}
                family={f}
                whole={types.filter((t) => t.type.startsWith(f.name + ".")).length}
                events={events}
                dialect={dialect}
                open={words.length > 0 || (open[f.name] ?? false)}
                onOpen={(o) => setOpen({ ...open, [f.name]: o })}
                onFamily={(v) => change(withFamily(events, f.name, v, types))}
                onType={(type, v) => change(withType(events, type, v, types))}
              />
            ))}
            {!hits.length && <p className={css.none}>No event is called or described so.</p>}
          </div>
          <Field
            label="Patterns"
            optional
            hint={
              <>
                <code>*</code> stands for anything: <code>*.created</code>. Types of your own: <code>custom.*</code>. Another system’s own
                names: <code>kazoo:channel_destroy</code>.
              </>
            }
          >
            {(wired) => (
              <Chips
                {...wired}
                name="events"
                values={own}
                placeholder="*.created"
                onChange={(next) => change([...events.filter((e) => !own.includes(e)), ...next])}
              />
            )}
          </Field>
        </>
      )}
    </fieldset>
  );
}

export const sends = (t: EventType, dialect: string) => t.dialects.some((d) => d.dialect === dialect);

const names = (t: EventType) => t.dialects.map((d) => d.name).join(" ");

interface FamilyProps {
  family: ReturnType<typeof familiesOf<EventType>>[number];
  /** How many types it has, sought or not. */
  whole: number;
  events: string[];
  dialect: string;
  open: boolean;
  onOpen(open: boolean): void;
  onFamily(on: boolean): void;
  onType(type: string, on: boolean): void;
}

function Family({ family, whole, events, dialect, open, onOpen, onFamily, onType }: FamilyProps) {
  const tick = useRef<HTMLInputElement>(null);
  const on = family.types.filter((t) => events.some((e) => selects(e, t)));
  const some = on.length > 0 && on.length < family.types.length;
  useEffect(() => {
    if (tick.current) tick.current.indeterminate = some;
  }, [some]);
  const id = "family-" + family.name;
  return (
    <section className={css.family}>
      <div className={css.head} style={{ "--colour": familyColour(family.name) } as never}>
        <input
          ref={tick}
          type="checkbox"
          checked={on.length === family.types.length}
          onChange={(e) => onFamily(e.target.checked)}
          aria-label={`All of ${family.title}`}
        />
        <button type="button" aria-expanded={open} aria-controls={id} onClick={() => onOpen(!open)}>
          <ChevronRight size={15} aria-hidden />
          <span className="grow truncate">{family.title}</span>
          <span className={css.count}>{on.length ? `${on.length} of ${whole}` : whole}</span>
        </button>
      </div>
      {open && (
        <div id={id} className={css.types}>
          {family.types.map((t) => (
            <Check
              key={t.type}
              checked={events.some((e) => selects(e, t))}
              onChange={(e) => onType(t.type, e.target.checked)}
              label={<TypeName type={t.type} />}
              hint={sends(t, dialect) ? t.description : `${t.description} This shape has nothing for it.`}
            />
          ))}
        </div>
      )}
    </section>
  );
}
