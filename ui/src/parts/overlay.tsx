import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog as Base } from "@base-ui/react/dialog";
import { Menu as BaseMenu } from "@base-ui/react/menu";
import { Tabs as BaseTabs } from "@base-ui/react/tabs";
import { CircleAlert, CircleCheck, X, type LucideIcon } from "lucide-react";
import { type ReactElement, type ReactNode, useState, useSyncExternalStore } from "react";
import { Button } from "./button";
import { Failure } from "./page";
import css from "./overlay.module.css";

interface DialogProps {
  open: boolean;
  onClose(): void;
  title: string;
  lead?: ReactNode;
  /** side: a sheet at the edge that keeps the page in sight. */
  from?: "middle" | "side";
  wide?: boolean;
  children: ReactNode;
  /** The buttons at its foot. */
  foot?: ReactNode;
}

/** A dialog, which keeps the focus in it and gives it back. */
export function Dialog({ open, onClose, title, lead, from = "middle", wide, children, foot }: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={(o) => !o && onClose()}>
      <Base.Portal>
        <Base.Backdrop className={css.backdrop} />
        <Base.Popup className={`${css.popup} ${css[from]}`} data-wide={wide || undefined}>
          <header className={css.head}>
            <div className="grow">
              <Base.Title render={<h2 />}>{title}</Base.Title>
              {lead && (
                <Base.Description className="muted" render={<div />}>
                  {lead}
                </Base.Description>
              )}
            </div>
            <Base.Close render={<Button kind="quiet" size="small" icon={X} aria-label="Close" />} />
          </header>
          <div className={css.content}>{children}</div>
          {foot && <footer className={css.foot}>{foot}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

interface ConfirmProps {
  open: boolean;
  onClose(): void;
  title: string;
  /** What follows from it. */
  children: ReactNode;
  action: string;
  danger?: boolean;
  /** What is done; the dialog stays, and tells why, when it is refused. */
  onConfirm(): Promise<unknown>;
}

/** Asks before something is done that is not easily undone. */
export function Confirm({ open, onClose, title, children, action, danger, onConfirm }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <AlertDialog.Root open={open} onOpenChange={(o) => !o && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={css.backdrop} />
        <AlertDialog.Popup className={`${css.popup} ${css.middle}`}>
          <header className={css.head}>
            <AlertDialog.Title render={<h2 />}>{title}</AlertDialog.Title>
          </header>
          <div className={css.content}>
            <AlertDialog.Description render={<div />}>{children}</AlertDialog.Description>
            {error !== undefined && <Failure error={error} />}
          </div>
          <footer className={css.foot}>
            <AlertDialog.Close render={<Button>Cancel</Button>} />
            <Button kind={danger ? "danger" : "primary"} busy={busy} onClick={() => void confirm()}>
              {action}
            </Button>
          </footer>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

export interface MenuItem {
  label: string;
  icon?: LucideIcon;
  danger?: boolean;
  disabled?: boolean;
  onSelect(): void;
}

/** A button that opens a list of actions. false items are left out. */
export function Menu({ trigger, items }: { trigger: ReactElement; items: (MenuItem | false | "line")[] }) {
  return (
    <BaseMenu.Root modal={false}>
      <BaseMenu.Trigger render={trigger} />
      <BaseMenu.Portal>
        <BaseMenu.Positioner className={css.positioner} sideOffset={6} align="end">
          <BaseMenu.Popup className={css.menu}>
            {items.map((item, i) =>
              item === "line" ? (
                <BaseMenu.Separator key={i} className={css.line} />
              ) : (
                item && (
                  <BaseMenu.Item
                    key={item.label}
                    className={css.item}
                    data-danger={item.danger || undefined}
                    disabled={item.disabled}
                    onClick={item.onSelect}
                  >
                    {item.icon && <item.icon size={16} aria-hidden />}
                    {item.label}
                  </BaseMenu.Item>
                )
              ),
            )}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

interface Tab {
  value: string;
  label: ReactNode;
  content: ReactNode;
}

/** Tabs. What is in one that is not open is not made. */
export function Tabs({
  tabs,
  value,
  onChange,
  label,
}: {
  tabs: (Tab | false)[];
  value?: string;
  onChange?(v: string): void;
  label: string;
}) {
  const all = tabs.filter((t) => t !== false);
  return (
    <BaseTabs.Root
      className={css.tabs}
      {...(value === undefined ? { defaultValue: all[0]?.value } : { value, onValueChange: (v: string) => onChange?.(v) })}
    >
      <BaseTabs.List className={css.tablist} aria-label={label}>
        {all.map((t) => (
          <BaseTabs.Tab key={t.value} value={t.value} className={css.tab}>
            {t.label}
          </BaseTabs.Tab>
        ))}
      </BaseTabs.List>
      {all.map((t) => (
        <BaseTabs.Panel key={t.value} value={t.value} className={css.panel}>
          {t.content}
        </BaseTabs.Panel>
      ))}
    </BaseTabs.Root>
  );
}

interface Said {
  id: number;
  kind: "ok" | "bad";
  title: string;
  description?: string;
}

// What was said, the newest last. It goes by itself, later where something is wrong.
let said: Said[] = [];
let number = 0;
const hearers = new Set<() => void>();
const most = 4;

function change(next: Said[]) {
  said = next;
  for (const h of hearers) h();
}
const forget = (id: number) => change(said.filter((s) => s.id !== id));

function tell(s: Omit<Said, "id">) {
  const id = ++number;
  change([...said, { ...s, id }].slice(-most));
  setTimeout(() => forget(id), s.kind === "ok" ? 5000 : 12_000);
}

/** Tells that something was done, from anywhere. */
export const say = (title: string, description?: string) => tell({ kind: "ok", title, description });

/** Tells that something was refused. */
export const complain = (error: unknown) => tell({ kind: "bad", title: error instanceof Error ? error.message : String(error) });

/** Where they are told. */
export function Toasts() {
  const shown = useSyncExternalStore(
    (h) => {
      hearers.add(h);
      return () => hearers.delete(h);
    },
    () => said,
  );
  return (
    <div className={css.toasts} role="status" aria-live="polite">
      {shown.map((s) => (
        <div key={s.id} className={css.toast} data-kind={s.kind}>
          {s.kind === "bad" ? <CircleAlert size={18} aria-hidden /> : <CircleCheck size={18} aria-hidden />}
          <div className="grow">
            <p>{s.title}</p>
            {s.description && <div className="muted small">{s.description}</div>}
          </div>
          <Button kind="quiet" size="small" icon={X} aria-label="Dismiss" onClick={() => forget(s.id)} />
        </div>
      ))}
    </div>
  );
}
