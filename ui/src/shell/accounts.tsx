import { useQuery } from "@tanstack/react-query";
import { api, body } from "../api/client";
import { Select } from "../parts/field";
import { useAccount, useWho } from "./session";

/** All accounts that one may see, up to some thousand. */
export function useAccounts() {
  return useQuery({
    queryKey: ["accounts"],
    queryFn: () => body(api.GET("/v1/accounts", { params: { query: { limit: 200 } } })),
    staleTime: 60_000,
  });
}

/** Chooses the account that is looked at. Who has but one sees nothing. */
export function AccountSwitch() {
  const who = useWho();
  const [account, choose] = useAccount();
  const { data } = useAccounts();
  const below = data?.items.filter((a) => a.id !== who.account_id) ?? [];
  if (!below.length && !account) return null;
  const options = [
    { value: "", label: "All accounts" },
    ...below.map((a) => ({ value: a.id, label: a.name ? `${a.name} (${a.id})` : a.id })),
  ];
  if (account && !options.some((o) => o.value === account)) options.push({ value: account, label: account });
  return (
    <div style={{ width: 230, minWidth: 0 }}>
      <Select aria-label="Account" value={account ?? ""} onChange={(e) => choose(e.target.value || undefined)} options={options} />
    </div>
  );
}
