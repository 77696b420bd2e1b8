import { type ReactNode } from "react";
import { useLocation } from "wouter";
import { Button } from "./button";
import css from "./table.module.css";

export interface Column<T> {
  head: string;
  cell(item: T): ReactNode;
  /** end: numbers and actions. */
  align?: "end";
  /** The column that takes the room which is left; its text is cut off. */
  wide?: boolean;
  /** On a narrow screen: title leads the row's card, hide is left out. */
  narrow?: "title" | "hide";
  width?: string;
}

interface TableProps<T> {
  label: string;
  items: T[];
  columns: Column<T>[];
  id(item: T): string;
  /** Where a press on a row leads. The cell of the first column should hold the link, for the keyboard. */
  href?(item: T): string;
  /** Marks rows: bad, new, chosen. */
  mark?(item: T): string | undefined;
}

/** A table on a wide screen, cards on a narrow one. */
export function Table<T>({ label, items, columns, id, href, mark }: TableProps<T>) {
  const [, go] = useLocation();
  return (
    <div className={css.scroll}>
      <table className={css.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.head} scope="col" data-align={c.align} style={{ width: c.width }}>
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr
              key={id(item)}
              data-mark={mark?.(item)}
              data-link={href ? "" : undefined}
              onClick={
                href &&
                ((e) => {
                  // A link, a button and a marked text are their own.
                  if ((e.target as Element).closest("a,button,input,label") || getSelection()?.toString()) return;
                  go(href(item));
                })
              }
            >
              {columns.map((c) => (
                <td key={c.head} data-head={c.head} data-align={c.align} data-wide={c.wide} data-narrow={c.narrow}>
                  {c.cell(item)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The end of a list that has more. */
export function More({ query }: { query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage(): unknown } }) {
  if (!query.hasNextPage) return null;
  return (
    <div className={css.more}>
      <Button kind="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        Show more
      </Button>
    </div>
  );
}
