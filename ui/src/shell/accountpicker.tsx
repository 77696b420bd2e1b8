import { Check, ChevronsUpDown } from "lucide-react";
import { useMemo, useState } from "react";
import { Dialog } from "../parts/overlay";
import { Picker } from "../parts/picker";
import { inTree, useAccounts } from "./accounts";
import css from "./accounts.module.css";

interface Item {
  value: string;
  label: string;
  id: string;
  depth: number;
}

interface AccountPickerProps {
  label: string;
  /** The account's id; "" where none is chosen. */
  value: string;
  onChange(id: string): void;
  /** What it is called to choose none; without it, one must be chosen. */
  nothing?: string;
  /** An account that cannot be chosen. */
  leaveOut?: string;
  id?: string;
}

/** Chooses one of many accounts, by its name or its id. */
export default function AccountPicker({ label, value, onChange, nothing, leaveOut, id }: AccountPickerProps) {
  const { data } = useAccounts();
  const items = useMemo(() => {
    const list: Item[] = inTree(data ?? [])
      .filter((p) => p.account.id !== leaveOut)
      .map((p) => ({ value: p.account.id, id: p.account.id, depth: p.depth, label: p.account.name || p.account.id }));
    const least = Math.min(...list.map((i) => i.depth));
    for (const item of list) item.depth -= least;
    if (nothing) list.unshift({ value: "", id: "", depth: 0, label: nothing });
    if (value && !list.some((i) => i.value === value)) list.push({ value, id: value, depth: 0, label: value });
    return list;
  }, [data, leaveOut, nothing, value]);
  const chosen = items.find((i) => i.value === value);
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const sought = text.trim().toLowerCase();
  const shown = items.filter((i) => !sought || i.label.toLowerCase().includes(sought) || i.id.includes(sought)).slice(0, 200);
  const close = () => {
    setOpen(false);
    setText("");
  };

  return (
    <>
      <button
        type="button"
        className={css.trigger}
        aria-label={`${label}: ${chosen?.label ?? "none"}`}
        aria-haspopup="dialog"
        id={id}
        onClick={() => setOpen(true)}
      >
        <span className="grow truncate" dir="auto">
          {chosen?.label ?? "Choose an account"}
        </span>
        <ChevronsUpDown size={15} aria-hidden />
      </button>
      <Dialog open={open} onClose={close} title={label}>
        <Picker
          label={`Find: ${label}`}
          placeholder="Name or id"
          text={text}
          onText={setText}
          options={shown}
          id={(i) => i.value}
          onPick={(i) => {
            onChange(i.value);
            close();
          }}
        >
          {(i) => (
            <>
              <Check size={15} className={css.tick} data-chosen={i.value === value || undefined} aria-hidden />
              <span className={css.name} style={{ paddingInlineStart: sought ? 0 : Math.min(i.depth, 6) * 14 }}>
                <span className="truncate" dir="auto">
                  {i.label}
                </span>
                {i.id && i.id !== i.label && <code className="truncate">{i.id}</code>}
              </span>
            </>
          )}
        </Picker>
        {shown.length === 0 && <p className="muted">No account is called like that.</p>}
      </Dialog>
    </>
  );
}
