// Calls and what happens in them, as people say it.
import { phone } from "./text";

export interface Party {
  address?: string;
  name?: string;
  type?: string;
}

interface Thing {
  id?: string;
  number?: string;
  name?: string;
  description?: string;
}

/** A call or a leg, as docs/events.md has it: what is used of it here. */
export interface Call {
  id?: string;
  root_id?: string;
  parent_id?: string;
  direction?: "inbound" | "outbound" | "internal";
  from?: Party;
  to?: Party;
  callee?: Party;
  status?: string;
  held?: boolean;
  message_left?: boolean;
  internal_leg?: boolean;
  answered_by?: "extension" | "external" | "system";
  answered_extension?: Thing;
  released_by?: "caller" | "callee" | "system";
  hangup_by?: string;
  hangup_reason?: string;
  hangup_cause?: string;
  q850?: number;
  sip_status?: number;
  created_at?: string;
  ringing_at?: string;
  answered_at?: string;
  ended_at?: string;
  duration_ms?: number;
  billable_ms?: number;
  parking?: { slot?: string; number?: string };
}

/** The data of an event: the resources that it brings. */
export interface Data {
  call?: Call;
  extension?: Thing;
  number?: Thing;
  ring_group?: Thing;
  queue?: Thing;
  queuecall?: {
    id?: string;
    queue_id?: string;
    agent_id?: string;
    position?: number;
    wait_ms?: number;
    service_ms?: number;
    abandon_reason?: string;
  };
  conference?: Thing & { participant?: { call_id?: string; name?: string; number?: string }; participant_count?: number };
  agent?: Thing & { extension?: string };
  voicemail?: { mailbox_number?: string; length_ms?: number };
  digit?: string;
}

export const dataOf = (event: { data: unknown }) => event.data as Data;

/** 101@pbx.example.com is 101. */
export const bare = (address = "") => address.split("@")[0] ?? "";

/** What a party is called: by its name, or its number. */
export const nameOf = (p: Party | undefined, unknown = "somebody") => p?.name || phone(bare(p?.address)) || unknown;

/** A party's number as people read it, where it has a name beside. */
export const numberOf = (p: Party | undefined) => phone(bare(p?.address));

/** Name and number: Anna Bell (+1 415 555 0123), Bob (ext. 102). */
export function bothOf(p: Party | undefined, unknown = "somebody"): string {
  const number = numberOf(p);
  if (!p?.name || !number || p.name === number)
    return p?.name || (p?.type === "extension" && number ? `extension ${number}` : number) || unknown;
  return `${p.name} (${p.type === "extension" ? "ext. " : ""}${number})`;
}

const reasons: Record<string, string> = {
  normal: "hung up",
  busy: "busy",
  no_answer: "no answer",
  cancelled: "caller gave up",
  rejected: "declined",
  unregistered: "phone not registered",
  unallocated: "no such number",
  congestion: "network congestion",
  answered_elsewhere: "answered elsewhere",
  abandoned: "gave up waiting",
  timeout: "timed out",
  dialout: "could not be dialled",
  amd: "answering machine",
  lost: "connection lost",
  failed: "failed",
};

/** Why a call ended, in words. */
export const reasonOf = (c: Call) => reasons[c.hangup_reason ?? ""] ?? c.hangup_reason?.replaceAll("_", " ") ?? "";

export type Result = "answered" | "voicemail" | "missed" | "open" | "ended";

/** What came of a call, in short: the word, who, and how bad that is. */
export function resultOf(
  c: Call,
  open: boolean,
): { kind: Result; text: string; who?: string; tone: "ok" | "warn" | "bad" | "idle" | "info" } {
  const who = c.answered_extension
    ? c.answered_extension.name || `ext. ${c.answered_extension.number ?? "?"}`
    : c.answered_by === "external"
      ? nameOf(c.callee ?? c.to)
      : undefined;
  if (open) {
    if (c.held) return { kind: "open", text: "On hold", who, tone: "info" };
    if (c.answered_at && c.answered_by !== "system") return { kind: "open", text: "Talking", who, tone: "info" };
    if (c.answered_at) return { kind: "open", text: "Waiting", tone: "info" };
    return { kind: "open", text: "Ringing", tone: "info" };
  }
  if (c.message_left) return { kind: "voicemail", text: "Voicemail", tone: "warn" };
  if (c.answered_at && c.answered_by !== "system") return { kind: "answered", text: "Answered", who, tone: "ok" };
  const why = reasonOf(c);
  const missed = c.direction === "inbound";
  const text = missed ? "Missed" : "Not answered";
  return {
    kind: missed ? "missed" : "ended",
    text: why && why !== "no answer" && why !== "hung up" ? `${text}: ${why}` : text,
    tone: "bad",
  };
}

/** Who ended it. */
export function endedBy(c: Call): string {
  if (c.released_by === "caller") return nameOf(c.from, "the caller");
  if (c.released_by === "callee") return c.answered_extension?.name || nameOf(c.callee, "") || "the other side";
  return c.released_by === "system" ? "the phone system" : "";
}
