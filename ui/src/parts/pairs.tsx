import { Plus, Trash2 } from "lucide-react";
import { useRef } from "react";
import { Button } from "./button";
import { Input } from "./field";
import css from "./pairs.module.css";

export type Pair = [name: string, value: string];

/** Names with values, one to a line: headers, say. */
export function Pairs({
  legend,
  hint,
  names = "Name",
  values = "Value",
  pairs,
  onChange,
  error,
  add = "Add",
  field,
}: {
  legend: string;
  hint?: string;
  names?: string;
  values?: string;
  pairs: Pair[];
  onChange(pairs: Pair[]): void;
  /** What is wrong with the pair of this name, or with "" all. */
  error(name: string): string | undefined;
  add?: string;
  field: string;
}) {
  const place = useRef<HTMLFieldSetElement>(null);
  const change = (i: number, pair: Pair) => onChange(pairs.map((p, j) => (i === j ? pair : p)));
  const grow = () => {
    onChange([...pairs, ["", ""]]);
    setTimeout(() => place.current?.querySelectorAll<HTMLInputElement>("[data-name]")[pairs.length]?.focus());
  };
  return (
    <fieldset className={css.pairs} ref={place}>
      <legend>
        {legend} <span className="muted">optional</span>
      </legend>
      {hint && <p className="muted small">{hint}</p>}
      {pairs.map(([name, value], i) => {
        const wrong = name ? error(name) : undefined;
        return (
          <div key={i} className={css.pair}>
            <Input
              data-name=""
              name={field}
              aria-label={`${names} ${i + 1}`}
              placeholder={names}
              value={name}
              onChange={(e) => change(i, [e.target.value, value])}
              aria-invalid={wrong ? true : undefined}
              mono
            />
            <Input
              name={field}
              aria-label={`${values} ${i + 1}`}
              placeholder={values}
              value={value}
              onChange={(e) => change(i, [name, e.target.value])}
              mono
            />
            <Button
              kind="quiet"
              icon={Trash2}
              aria-label={`Remove ${name || "this line"}`}
              onClick={() => onChange(pairs.filter((_, j) => j !== i))}
            />
            {wrong && <p className={css.error}>{wrong}</p>}
          </div>
        );
      })}
      {error("") && !pairs.some(([name]) => name && error(name)) && <p className={css.error}>{error("")}</p>}
      <div>
        <Button size="small" icon={Plus} onClick={grow}>
          {add}
        </Button>
      </div>
    </fieldset>
  );
}
