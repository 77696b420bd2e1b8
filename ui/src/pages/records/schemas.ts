import {
  Bot,
  Building2,
  Contact,
  FileText,
  Hash,
  type LucideIcon,
  Network,
  Phone,
  PhoneForwarded,
  Tablet,
  User,
  Users,
  Voicemail,
} from "lucide-react";
import type { Schemas } from "../../api/client";

export type Record = Schemas["Record"];

export interface Kind {
  /** One of them: "number". */
  one: string;
  many: string;
  icon: LucideIcon;
  /** What it is, in a sentence. */
  about: string;
  /** The member of a webhook's scope that such a record stands in. */
  scope?: "numbers" | "extensions" | "ring_groups" | "queues";
  /** An event type whose data has such a thing, and so describes its fields. */
  told?: string;
  /** How calls of it are found. */
  calls?: "number" | "extension";
}

/** The kinds of records that phone systems have. There may be others: an operator's own. */
export const kinds: { [schema: string]: Kind } = {
  number: {
    one: "number",
    many: "Numbers",
    icon: Hash,
    about: "A phone number that can be dialled from outside (DID).",
    scope: "numbers",
    told: "call.created",
    calls: "number",
  },
  extension: {
    one: "extension",
    many: "Extensions",
    icon: Phone,
    about: "A number inside the phone system.",
    scope: "extensions",
    told: "extension.ringing",
    calls: "extension",
  },
  ring_group: {
    one: "ring group",
    many: "Ring groups",
    icon: Network,
    about: "Extensions that ring together or in turn.",
    scope: "ring_groups",
    told: "ring_group.entered",
    calls: "number",
  },
  queue: {
    one: "queue",
    many: "Queues",
    icon: Users,
    about: "It holds callers until an agent is free.",
    scope: "queues",
    told: "queue.created",
    calls: "number",
  },
  agent: { one: "agent", many: "Agents", icon: Bot, about: "A person who answers the calls of queues.", told: "agent.created" },
  user: { one: "user", many: "Users", icon: User, about: "A person of the phone system." },
  device: { one: "device", many: "Devices", icon: Tablet, about: "A telephone.", told: "device.registered" },
  mailbox: { one: "mailbox", many: "Mailboxes", icon: Voicemail, about: "Where callers leave messages." },
  faxbox: { one: "fax box", many: "Fax boxes", icon: FileText, about: "Where faxes arrive." },
  call_flow: { one: "call flow", many: "Call flows", icon: PhoneForwarded, about: "What becomes of a call." },
  port_request: {
    one: "port request",
    many: "Port requests",
    icon: PhoneForwarded,
    about: "A number on its way from one carrier to another.",
  },
  account: { one: "account", many: "Accounts", icon: Building2, about: "A customer, as the phone system has it." },
};

/** What is known of a kind, also of one that is the operator's own. */
export function kindOf(schema: string): Kind {
  const words = schema.replaceAll("_", " ");
  return (
    kinds[schema] ?? {
      one: words,
      many: words[0]?.toUpperCase() + words.slice(1),
      icon: Contact,
      about: "A record of the operator’s own kind.",
    }
  );
}

const text = (row: { [member: string]: unknown }, ...names: string[]) => {
  for (const n of names) if (typeof row[n] === "string" && row[n]) return row[n];
  return undefined;
};

/** What a record is called: its name, or what else tells it apart. */
export const titleOf = (r: Record) => text(r.row, "name", "description", "business_name", "username", "number") ?? r.id;

/** The number that it is dialled by. */
export const numberOf = (r: Record) => text(r.row, "number", "extension", "btn");

export const hrefOf = (r: { schema: string; id: string; account_id: string }) =>
  `/records/${encodeURIComponent(r.schema)}/${encodeURIComponent(r.id)}?account=${encodeURIComponent(r.account_id)}`;
