import { useAccount } from "../../shell/session";

/** Makes links that keep the account that is looked at. */
export function useKeep() {
  const [account] = useAccount();
  return (href: string) => (account ? `${href}${href.includes("?") ? "&" : "?"}account=${encodeURIComponent(account)}` : href);
}
