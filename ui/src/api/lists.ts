import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { useSearchParams } from "wouter";

interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

/**
 * A list that is read page by page, and again every few seconds if it is to be kept fresh. items is all that has been read,
 * in one array.
 */
export function useList<T>(
  key: readonly unknown[],
  read: (cursor: string | undefined) => Promise<Page<T>>,
  { fresh, enabled }: { fresh?: number; enabled?: boolean } = {},
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    // One page is kept fresh; who has gone further down reads in peace.
    refetchInterval: (q) => (fresh && (q.state.data?.pages.length ?? 1) === 1 ? fresh : false),
    enabled,
  });
  return { ...query, items: query.data?.pages.flatMap((p) => p.items) };
}

/** All items of a list that is short enough to be read as a whole: page by page, until there are that many. */
export async function readAll<T>(read: (cursor: string | undefined) => Promise<Page<T>>, most = 10_000): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor && items.length < most);
  return items;
}

/**
 * A filter that lives in the address, so that a link shows the same. What is not set is "".
 */
export function useFilters<K extends string>(
  ...names: K[]
): [values: Record<K, string>, set: (change: Partial<Record<K, string>>) => void] {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(names.map((n) => [n, params.get(n) ?? ""])) as Record<K, string>;
  const set = useCallback(
    (change: Partial<Record<K, string>>) =>
      setParams(
        (p) => {
          for (const [name, value] of Object.entries(change) as [K, string | undefined][]) {
            if (value) p.set(name, value);
            else p.delete(name);
          }
          return p;
        },
        { replace: true },
      ),
    [setParams],
  );
  return [values, set];
}

/** A query's values without those that are not set. */
export const given = <T extends Record<string, unknown>>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, v]) => v !== "" && v !== undefined && v !== null)) as {
    [K in keyof T]?: Exclude<T[K], "" | null>;
  };
