import { Combobox } from "@base-ui/react/combobox";
import { Check, ChevronsUpDown } from "lucide-react";
import { useMemo } from "react";
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
  const chosen = items.find((i) => i.value === value) ?? null;

  return (
    <Combobox.Root
      items={items}
      value={chosen}
      onValueChange={(item: Item | null) => onChange(item?.value ?? "")}
      itemToStringLabel={(item: Item) => (item.id && item.id !== item.label ? `${item.label} ${item.id}` : item.label)}
      isItemEqualToValue={(a: Item, b: Item) => a.value === b.value}
      limit={200}
    >
      <Combobox.Trigger className={css.trigger} aria-label={`${label}: ${chosen?.label ?? "none"}`} id={id}>
        <span className="grow truncate" dir="auto">
          {chosen?.label ?? "Choose an account"}
        </span>
        <ChevronsUpDown size={15} aria-hidden />
      </Combobox.Trigger>
      <Combobox.Portal>
        <Combobox.Positioner className={css.positioner} align="start" sideOffset={6}>
          <Combobox.Popup className={css.popup} aria-label={label}>
            <Combobox.Input className={css.input} placeholder="Name or id" aria-label={`Find: ${label}`} />
            <Combobox.Empty>
              <div className={css.empty}>No account is called like that.</div>
            </Combobox.Empty>
            <Combobox.List className={css.list}>
              {(item: Item) => (
                <Combobox.Item key={item.value} value={item} className={css.item}>
                  <Check size={15} className={css.tick} aria-hidden />
                  <span className={css.name} style={{ paddingInlineStart: Math.min(item.depth, 6) * 14 }}>
                    <span className="truncate" dir="auto">
                      {item.label}
                    </span>
                    {item.id && item.id !== item.label && <code className="truncate">{item.id}</code>}
                  </span>
                </Combobox.Item>
              )}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}
