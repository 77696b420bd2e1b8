import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { api, body, type Problem } from "../../api/client";
import { readAll } from "../../api/lists";
import { Choices, Field, Select } from "../../parts/field";
import { AccountPicker, useAccounts } from "../../shell/accounts";
import type { Update } from "./draft";

interface Props {
  update: Update;
  set(change: Partial<Update>): void;
  owner: string;
  problem?: Problem;
}

/** Which accounts, and who of them. */
export function Whom({ update: u, set, owner, problem }: Props) {
  const accounts = useAccounts();
  const below = accounts.data?.some((a) => a.id !== owner);
  const people = usePeople(u.scope === "one" ? u.recipient : "");
  return (
    <div className="stack">
      <Choices<Update["scope"]>
        legend="Accounts"
        columns={3}
        value={u.scope}
        onChange={(scope) => set({ scope, people: u.people === "user" ? "admins_only" : u.people, user: "" })}
        options={[
          { value: "below", label: "All accounts below", hint: below === false ? "There are none." : "Not the account itself." },
          { value: "one", label: "One account" },
        ]}
      />
      {u.scope === "one" && (
        <Field label="Account" error={problem?.about("recipient_id")}>
          {(w) => (
            <Suspense>
              <AccountPicker id={w.id} label="Account" value={u.recipient} onChange={(recipient) => set({ recipient, user: "" })} />
            </Suspense>
          )}
        </Field>
      )}
      <Choices<Update["people"]>
        legend="Who of them"
        columns={3}
        value={u.people}
        onChange={(who) => set({ people: who })}
        options={[
          { value: "admins_only", label: "The administrators" },
          { value: "all_users", label: "All users" },
          ...(u.scope === "one" ? [{ value: "user" as const, label: "One user" }] : []),
        ]}
      />
      {u.people === "user" && (
        <Field label="User" error={problem?.about("user_type")}>
          {(w) => (
            <Select
              {...w}
              value={u.user}
              onChange={(e) => set({ user: e.target.value })}
              options={[{ value: "", label: u.recipient ? "Choose a user" : "Choose an account first" }, ...(people.data ?? [])]}
            />
          )}
        </Field>
      )}
    </div>
  );
}

/** The people of an account that have an address: of the directory, and those that sign in. */
function usePeople(account: string) {
  return useQuery({
    queryKey: ["customer-update", "people", account],
    queryFn: async () => {
      const [records, users] = await Promise.all([
        readAll((cursor) =>
          body(api.GET("/v1/records", { params: { query: { schema: "user", account_id: account, limit: 200, cursor } } })),
        ),
        readAll((cursor) => body(api.GET("/v1/users", { params: { query: { account_id: account, limit: 200, cursor } } }))),
      ]);
      const of = (d: Record<string, unknown>) => [d.first_name, d.last_name].filter(Boolean).join(" ");
      return [
        ...records
          .map((r) => ({ id: r.id, row: r.row as Record<string, unknown> }))
          .map(({ id, row }) => ({
            value: id,
            address: typeof row.email === "string" ? row.email : "",
            name: of(row),
          })),
        ...users.map((x) => ({ value: x.id, address: x.login, name: x.name ?? "" })),
      ]
        .filter((p) => p.address.includes("@"))
        .map((p) => ({ value: p.value, label: p.name && p.name !== p.address ? `${p.name} (${p.address})` : p.address }));
    },
    enabled: account !== "",
  });
}
