import type { Addresses, TemplateSummary } from "../../api/mail";
import { Badge } from "../../parts/bits";
import { useAccounts } from "../../shell/accounts";
import { useWho } from "../../shell/session";
import { titleOf } from "../../words/mail";

const order = [
  "voicemail",
  "fax",
  "sip",
  "account",
  "user",
  "port_request",
  "number",
  "registration",
  "webhook",
  "system",
  "skel",
  "custom",
];
const names: Record<string, string> = {
  voicemail: "Voicemail",
  fax: "Fax",
  sip: "Calls and phones",
  account: "Accounts and billing",
  user: "Users",
  port_request: "Number ports",
  registration: "Registrations",
  webhook: "Webhooks",
  system: "System",
  skel: "Others",
  custom: "Your own",
};

export const categoryName = (category: string) => names[category] ?? (category ? titleOf(category) : "Others");

/** The categories that there are, those that most people look for first. */
export function categories(list: TemplateSummary[]): string[] {
  const place = (c: string) => (order.indexOf(c) + order.length + 1) % (order.length + 1);
  return [...new Set(list.map((t) => t.category))].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

export const typeWords: Record<Addresses["type"], string> = {
  original: "Whom it concerns",
  specified: "Fixed addresses",
  admins: "Administrators",
};

export const recipientWords = (t: TemplateSummary) => typeWords[t.recipients];

/** What an account is called; one above one's own is not known by name. */
export function useAccountName(): (id: string) => string {
  const accounts = useAccounts();
  const who = useWho();
  return (id) =>
    accounts.data?.find((a) => a.id === id)?.name || (id === who.account_id ? who.account_name : id === "root" ? "the operator" : id);
}

/** Whose a part or a template is: one's own, of an account above, or built in. */
export function WhoseBadge({ own, account = "", title }: { own?: boolean; account?: string; title?: string }) {
  const nameOf = useAccountName();
  if (own) {
    return (
      <Badge tone="info" title={title}>
        Your own
      </Badge>
    );
  }
  if (!account) return <Badge title={title}>Built in</Badge>;
  return (
    <Badge tone="ok" title={title}>
      Inherited from <bdi>{nameOf(account)}</bdi>
    </Badge>
  );
}
