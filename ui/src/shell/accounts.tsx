import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { api, body, type Schemas } from "../api/client";
import { readAll } from "../api/lists";
import { useAccount, useWho } from "./session";
import css from "./accounts.module.css";

export type Account = Schemas["Account"];

/** The most accounts that are read at once: those beyond are found by the search. */
const most = 5000;

/** All accounts that one may see, up to some thousand. */
export function useAccounts() {
  return useQuery({
    queryKey: ["accounts"],
    queryFn: () => readAll((cursor) => body(api.GET("/v1/accounts", { params: { query: { limit: 500, cursor } } })), most),
    staleTime: 60_000,
  });
}

export interface Place {
  account: Account;
  /** How far below the first one: 0, 1, 2… */
  depth: number;
  /** The accounts right below it. */
  below: number;
  /** All accounts below it. */
  all: number;
}

/** The accounts as a tree that is walked: each stands behind the one above it. */
export function inTree(accounts: Account[]): Place[] {
  const known = new Set(accounts.map((a) => a.id));
  const children = new Map<string, Account[]>();
  for (const a of accounts) {
    const above = a.parent_id && known.has(a.parent_id) ? a.parent_id : "";
    children.set(above, [...(children.get(above) ?? []), a]);
  }
  const places: Place[] = [];
  const walk = (above: string, depth: number): number => {
    const here = (children.get(above) ?? []).toSorted((a, b) => a.name.localeCompare(b.name));
    let sum = 0;
    for (const account of here) {
      const place: Place = { account, depth, below: children.get(account.id)?.length ?? 0, all: 0 };
      places.push(place);
      place.all = walk(account.id, depth + 1);
      sum += 1 + place.all;
    }
    return sum;
  };
  walk("", 0);
  return places;
}

// The picker comes with those who have a choice.
export const AccountPicker = lazy(() => import("./accountpicker"));

/** Chooses the account that is looked at. Who has but one sees nothing. */
export function AccountSwitch() {
  const who = useWho();
  const [account, choose] = useAccount();
  const { data } = useAccounts();
  const below = data?.some((a) => a.id !== who.account_id);
  if (!below && !account) return null;
  return (
    <div className={css.switch}>
      <Suspense>
        <AccountPicker
          label="Account"
          value={account ?? ""}
          onChange={(id) => choose(id || undefined)}
          nothing="All accounts"
          leaveOut={who.account_id}
        />
      </Suspense>
    </div>
  );
}
