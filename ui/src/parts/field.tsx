import { Search } from "lucide-react";
import { type ComponentProps, type ReactNode, useEffect, useId, useState } from "react";
import css from "./field.module.css";

interface FieldProps {
  label: string;
  /** What is expected, in a sentence. */
  hint?: ReactNode;
  /** What is wrong with it: the API's own sentence. */
  error?: string;
  optional?: boolean;
}

interface Wired {
  id: string;
  "aria-invalid"?: true;
  "aria-describedby"?: string;
}

/** A label, an input, what is expected of it and what is wrong with it, tied together for screen readers. */
export function Field({ label, hint, error, optional, children }: FieldProps & { children: (wired: Wired) => ReactNode }) {
  const id = useId();
  const notes = [error && id + "-error", hint && id + "-hint"].filter(Boolean).join(" ");
  return (
    <div className={css.field}>
      <label htmlFor={id}>
        {label}
        {optional && <span className={css.optional}> optional</span>}
      </label>
      {children({ id, "aria-invalid": error ? true : undefined, "aria-describedby": notes || undefined })}
      {error && (
        <p id={id + "-error"} className={css.error}>
          {error}
        </p>
      )}
      {hint && (
        <p id={id + "-hint"} className={css.hint}>
          {hint}
        </p>
      )}
    </div>
  );
}

export function Input({ mono, className, ...rest }: ComponentProps<"input"> & { mono?: boolean }) {
  return (
    <input className={[css.input, mono && css.mono, className].filter(Boolean).join(" ")} autoComplete="off" spellCheck={false} {...rest} />
  );
}

export function TextArea({ mono, ...rest }: ComponentProps<"textarea"> & { mono?: boolean }) {
  return <textarea className={[css.input, css.area, mono && css.mono].filter(Boolean).join(" ")} spellCheck={false} {...rest} />;
}

/** The browser's own choice: right on phones, and for the keyboard. */
export function Select({
  options,
  ...rest
}: ComponentProps<"select"> & { options: readonly (string | { value: string; label: string })[] }) {
  return (
    <span className={css.select}>
      <select className={css.input} {...rest}>
        {options.map((o) => {
          const { value, label } = typeof o === "string" ? { value: o, label: o } : o;
          return (
            <option key={value} value={value}>
              {label}
            </option>
          );
        })}
      </select>
    </span>
  );
}

/** A tick, or with `as="switch"` something that is at once in force. */
export function Check({
  label,
  hint,
  as,
  ...rest
}: Omit<ComponentProps<"input">, "type"> & { label: ReactNode; hint?: ReactNode; as?: "switch" }) {
  const id = useId();
  return (
    <label className={css.check}>
      <input type="checkbox" role={as} className={as && css.switch} aria-describedby={hint ? id : undefined} {...rest} />
      <span>
        {label}
        {hint && (
          <span id={id} className={css.hint}>
            {hint}
          </span>
        )}
      </span>
    </label>
  );
}

interface Choice<T extends string> {
  value: T;
  label: ReactNode;
  hint?: ReactNode;
}

/** One of a few, each with room to say what it means. */
export function Choices<T extends string>({
  legend,
  value,
  onChange,
  options,
  columns = 1,
}: {
  legend: string;
  value: T;
  onChange(v: T): void;
  options: Choice<T>[];
  columns?: number;
}) {
  const name = useId();
  return (
    <fieldset className={css.choices} data-columns={columns}>
      <legend>{legend}</legend>
      {options.map((o) => (
        <label key={o.value} className={css.choice}>
          <input type="radio" name={name} checked={value === o.value} onChange={() => onChange(o.value)} />
          <span>
            <b>{o.label}</b>
            {o.hint && <span className={css.hint}>{o.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** Segments: one of two to five, beside each other. */
export function Segments<T extends string>({
  label,
  value,
  onChange,
  options,
}: {
  label: string;
  value: T;
  onChange(v: T): void;
  options: readonly (T | { value: T; label: string })[];
}) {
  return (
    <div className={css.segments} role="group" aria-label={label}>
      {options.map((o) => {
        const { value: v, label: text } = typeof o === "string" ? { value: o, label: o as string } : o;
        return (
          <button key={v} type="button" aria-pressed={v === value} onClick={() => onChange(v)}>
            {text}
          </button>
        );
      })}
    </div>
  );
}

/** A search that tells what is sought once its user has stopped typing for a moment, or presses Enter. */
export function SearchInput({
  value,
  onSearch,
  label,
  ...rest
}: { value: string; onSearch(v: string): void; label: string } & Omit<ComponentProps<"input">, "value">) {
  const [text, setText] = useState(value);
  const [known, setKnown] = useState(value);
  if (known !== value) {
    setKnown(value);
    setText(value);
  }
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onSearch(text.trim()), 350);
    return () => clearTimeout(timer);
  }, [text, value, onSearch]);
  return (
    <span className={css.search}>
      <Search size={16} aria-hidden />
      <Input
        type="search"
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => e.key === "Enter" && onSearch(text.trim())}
        {...rest}
      />
    </span>
  );
}
