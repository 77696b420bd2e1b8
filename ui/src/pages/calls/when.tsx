import { useMemo } from "react";
import { useNow } from "../../parts/bits";
import { Field, Input, Select } from "../../parts/field";
import css from "./calls.module.css";

export const whenNames = ["when", "day", "time", "from", "to"] as const;
type Filters = Record<(typeof whenNames)[number], string>;

const choices = [
  { value: "", label: "Any time" },
  { value: "hour", label: "Last hour" },
  { value: "today", label: "Today" },
  { value: "yesterday", label: "Yesterday" },
  { value: "day", label: "A day…" },
  { value: "custom", label: "From … to …" },
];

const hour = 3_600_000;
const midnight = (days: number, now: number) => {
  const d = new Date(now);
  return new Date(d.getFullYear(), d.getMonth(), d.getDate() + days).getTime();
};
/** A day as an input has it. */
const dayOf = (t: number) => {
  const d = new Date(t);
  return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}-${String(d.getDate()).padStart(2, "0")}`;
};

/** What the choice means now. Times of day are this browser's. A time of day means half an hour before and after it. */
export function spanOf(f: Filters, now: number): { since?: string; until?: string } {
  const iso = (t: number | undefined) => (t === undefined || Number.isNaN(t) ? undefined : new Date(t).toISOString());
  switch (f.when) {
    case "hour":
      return { since: iso(now - hour) };
    case "today":
      return { since: iso(midnight(0, now)) };
    case "yesterday":
      if (f.time) return around(`${dayOf(midnight(-1, now))}T${f.time}`);
      return { since: iso(midnight(-1, now)), until: iso(midnight(0, now)) };
    case "day": {
      const day = f.day || dayOf(now);
      if (f.time) return around(`${day}T${f.time}`);
      const start = new Date(day + "T00:00").getTime();
      return Number.isNaN(start) ? {} : { since: iso(start), until: iso(midnight(1, start)) };
    }
    case "custom":
      return { since: f.from ? iso(new Date(f.from).getTime()) : undefined, until: f.to ? iso(new Date(f.to).getTime()) : undefined };
    default:
      return {};
  }
}

function around(at: string) {
  const t = new Date(at).getTime();
  return Number.isNaN(t) ? {} : { since: new Date(t - hour / 2).toISOString(), until: new Date(t + hour / 2).toISOString() };
}

export function useWhen(f: Filters) {
  const minute = Math.floor(useNow() / 60_000); // so that a list is not another one each second
  return useMemo(
    () => spanOf({ when: f.when, day: f.day, time: f.time, from: f.from, to: f.to }, minute * 60_000),
    [f.when, f.day, f.time, f.from, f.to, minute],
  );
}

/** The choice of a time: by name, by day and time of day, or from and to. */
export function When({ filters, set }: { filters: Filters; set(change: Partial<Filters>): void }) {
  const now = useNow();
  const date = filters.when === "day";
  return (
    <div className={css.when}>
      <Select
        aria-label="When"
        value={filters.when}
        onChange={(e) => set({ when: e.target.value, day: "", time: "", from: "", to: "" })}
        options={choices}
      />
      {date && (
        <Input
          type="date"
          aria-label="Day"
          value={filters.day || dayOf(now)}
          max={dayOf(now)}
          onChange={(e) => set({ day: e.target.value })}
        />
      )}
      {(date || filters.when === "yesterday") && (
        <span className={css.around}>
          around
          <Input
            type="time"
            aria-label="Around this time of day"
            title="Half an hour before and after"
            value={filters.time}
            onChange={(e) => set({ time: e.target.value })}
          />
        </span>
      )}
      {filters.when === "custom" && (
        <>
          <Field label="From">
            {(w) => <Input {...w} type="datetime-local" value={filters.from} onChange={(e) => set({ from: e.target.value })} />}
          </Field>
          <Field label="To">
            {(w) => <Input {...w} type="datetime-local" value={filters.to} onChange={(e) => set({ to: e.target.value })} />}
          </Field>
        </>
      )}
    </div>
  );
}
