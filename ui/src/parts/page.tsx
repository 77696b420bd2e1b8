import { CircleAlert, Inbox, RotateCw, type LucideIcon } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import { Problem } from "../api/client";
import { Button } from "./button";
import css from "./page.module.css";

interface PageProps {
  title: ReactNode;
  /** The browser's title, where title is not text. */
  name?: string;
  /** What one can do here, in a sentence. */
  lead?: ReactNode;
  /** The pages above this one. */
  above?: { href: string; label: string }[];
  /** What belongs to the title: a state, say. */
  beside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A page with its head. */
export function Page({ title, name, lead, above, beside, actions, children }: PageProps) {
  const text = name ?? (typeof title === "string" ? title : "");
  useEffect(() => {
    document.title = text ? `${text} · ${document.documentElement.dataset.product ?? "Switchhook"}` : "Switchhook";
  }, [text]);
  return (
    <div className={css.page}>
      <header className={css.head}>
        <div className={css.heading}>
          {above && (
            <nav aria-label="Breadcrumb" className={css.crumbs}>
              {above.map((a) => (
                <span key={a.href}>
                  <Link href={a.href}>{a.label}</Link>
                  <span aria-hidden> / </span>
                </span>
              ))}
            </nav>
          )}
          <div className={css.title}>
            <h1>{title}</h1>
            {beside}
          </div>
          {lead && <p className={css.lead}>{lead}</p>}
        </div>
        {actions && <div className={css.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A card: something that belongs together, with a heading. flush: its content reaches the edges (tables). */
export function Card({
  title,
  lead,
  actions,
  flush,
  children,
  id,
}: {
  title?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  flush?: boolean;
  children: ReactNode;
  id?: string;
}) {
  return (
    <section className={css.card} id={id}>
      {(title || actions) && (
        <div className={css.cardHead}>
          <div>
            {title && <h2>{title}</h2>}
            {lead && <p className="muted small">{lead}</p>}
          </div>
          {actions && <div className="row wrap">{actions}</div>}
        </div>
      )}
      <div className={flush ? css.flush : css.body}>{children}</div>
    </section>
  );
}

/** What is shown where there is nothing: why, and what to do about it. */
export function Empty({
  icon: Icon = Inbox,
  title,
  children,
  action,
}: {
  icon?: LucideIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={css.empty}>
      <Icon size={28} strokeWidth={1.5} aria-hidden />
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {action && <div className="row wrap">{action}</div>}
    </div>
  );
}

/** A refusal, or a broken line, in the server's words. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const problem = error instanceof Problem ? error : undefined;
  return (
    <div className={css.failure} role="alert">
      <CircleAlert size={18} aria-hidden />
      <div className="grow">
        <p>{error instanceof Error ? error.message : String(error)}</p>
        {problem?.fields.map((f) => (
          <p key={f.field} className="small">
            <code>{f.field}</code>: {f.message}
          </p>
        ))}
      </div>
      {again && (
        <Button size="small" icon={RotateCw} onClick={again}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** A note in the page. */
export function Note({ kind = "info", children }: { kind?: "info" | "ok" | "warn" | "bad"; children: ReactNode }) {
  return (
    <div className={css.note} data-kind={kind}>
      {children}
    </div>
  );
}

/** Grey lines where text will be. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div className={css.skeleton} aria-hidden>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} />
      ))}
    </div>
  );
}

interface Asked<T> {
  data?: T;
  error: unknown;
  isPending: boolean;
  refetch(): unknown;
}

/** The three states of what was asked for: on its way, refused, there. */
export function Loaded<T>({ query, lines, children }: { query: Asked<T>; lines?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Failure error={query.error} again={() => void query.refetch()} />;
  return (
    <div role="status" aria-label="Loading">
      <Skeleton lines={lines} />
    </div>
  );
}

/** Facts: names and values below each other, or in columns. */
export function Facts({ items, columns }: { items: (false | undefined | null | readonly [string, ReactNode])[]; columns?: boolean }) {
  return (
    <dl className={css.facts} data-columns={columns || undefined}>
      {items.map(
        (item) =>
          item &&
          item[1] !== undefined &&
          item[1] !== null &&
          item[1] !== "" && (
            <div key={item[0]}>
              <dt>{item[0]}</dt>
              <dd>{item[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
