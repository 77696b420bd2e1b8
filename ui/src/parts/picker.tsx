import { Search } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useId, useState } from "react";
import css from "./picker.module.css";

interface PickerProps<T> {
  /** What is picked, for screen readers. */
  label: string;
  placeholder: string;
  text: string;
  onText(text: string): void;
  options: T[];
  id(option: T): string;
  children(option: T): ReactNode;
  onPick(option: T): void;
}

/** One of many: an input, and below it what fits, to be picked by pointer or keys (the combobox of the ARIA practices). */
export function Picker<T>({ label, placeholder, text, onText, options, id, children, onPick }: PickerProps<T>) {
  const [at, setAt] = useState(0);
  const list = useId();
  const key = (e: KeyboardEvent) => {
    const n = options.length;
    const here = options[at];
    if (e.key === "ArrowDown") setAt((at + 1) % Math.max(1, n));
    else if (e.key === "ArrowUp") setAt((at + n - 1) % Math.max(1, n));
    else if (e.key === "Enter" && here) onPick(here);
    else return;
    e.preventDefault();
    document.getElementById(`${list}-${at}`)?.scrollIntoView({ block: "nearest" });
  };
  return (
    <>
      <label className={css.box}>
        <Search size={18} aria-hidden />
        <input
          role="combobox"
          aria-expanded={options.length > 0}
          aria-controls={list}
          aria-activedescendant={options[at] ? `${list}-${at}` : undefined}
          aria-label={label}
          placeholder={placeholder}
          value={text}
          autoFocus
          autoComplete="off"
          spellCheck={false}
          onChange={(e) => {
            onText(e.target.value);
            setAt(0);
          }}
          onKeyDown={key}
        />
      </label>
      <ul id={list} role="listbox" aria-label={label} className={css.options}>
        {options.map((o, i) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the keys are the input's
          <li key={id(o)} id={`${list}-${i}`} role="option" aria-selected={i === at} onMouseMove={() => setAt(i)} onClick={() => onPick(o)}>
            {children(o)}
          </li>
        ))}
      </ul>
    </>
  );
}
