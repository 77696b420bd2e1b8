import { X } from "lucide-react";
import { useId, useState } from "react";
import { Input } from "./field";
import css from "./chips.module.css";

export interface Suggestion {
  value: string;
  /** What it is called. */
  label?: string;
}

interface ChipsProps {
  values: string[];
  onChange(values: string[]): void;
  suggestions?: Suggestion[];
  placeholder?: string;
  /** From Field. */
  id?: string;
  name?: string;
  "aria-invalid"?: true;
  "aria-describedby"?: string;
}

/** A few values, written one by one or several with commas. Enter or leaving the field takes what was written. */
export function Chips({ values, onChange, suggestions = [], placeholder, id, name, ...aria }: ChipsProps) {
  const [text, setText] = useState("");
  const list = useId();
  const named = new Map(suggestions.map((s) => [s.value, s.label]));
  const take = (written: string) => {
    const fresh = written.split(/[,;\n]/).flatMap((v) => v.trim() || []);
    if (fresh.length) onChange([...new Set([...values, ...fresh])]);
    setText("");
  };
  return (
    <div className={css.chips}>
      {values.length > 0 && (
        <ul>
          {values.map((v) => (
            <li key={v}>
              <span dir="auto" title={v}>
                {v}
                {named.get(v) && <span className="muted"> {named.get(v)}</span>}
              </span>
              <button type="button" aria-label={`Remove ${v}`} onClick={() => onChange(values.filter((other) => other !== v))}>
                <X size={13} aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      )}
      <Input
        id={id}
        name={name}
        {...aria}
        list={list}
        placeholder={placeholder}
        value={text}
        onChange={(e) => {
          // A browser tells that a suggestion was chosen by nothing but its whole text.
          const whole = e.target.value;
          if (named.has(whole) && whole.length - text.length > 1) take(whole);
          else setText(whole);
        }}
        onKeyDown={(e) => {
          if (e.key === "Enter" && text.trim()) {
            e.preventDefault();
            take(text);
          }
          if (e.key === "Backspace" && !text && values.length) onChange(values.slice(0, -1));
        }}
        onBlur={() => take(text)}
      />
      <datalist id={list}>
        {suggestions
          .filter((s) => !values.includes(s.value))
          .slice(0, 200)
          .map((s) => (
            <option key={s.value} value={s.value}>
              {s.label}
            </option>
          ))}
      </datalist>
    </div>
  );
}
