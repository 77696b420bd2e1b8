// A call's timeline as a story: its lanes, its events with what became of their deliveries, and all in one sentence.
import type { Schemas } from "../../api/client";
import { bothOf, type Call, dataOf, endedBy, nameOf, reasonOf } from "../../words/calls";
import { span, talk } from "../../words/time";
import { phone } from "../../words/text";
import { type Lane, Lanes, type Move } from "./lanes";

type Event = Schemas["Event"];
export type Detail = Schemas["CallDetail"];
export type AttemptBrief = Schemas["AttemptBrief"];

export interface Line {
  delivery: Schemas["Delivery"];
  attempts: AttemptBrief[];
}

export interface Moment extends Move {
  event: Event;
  time: number;
  /** Milliseconds since the event before. */
  gap: number;
  lines: Line[];
}

export interface Story {
  lanes: Lane[];
  moments: Moment[];
  sentence: string;
}

/** When it happened: by the phone system's clock, in the order in which it was told. */
const timeOf = (e: Event) => Date.parse(e.occurred_at);

export function storyOf(detail: Pick<Detail, "call" | "status">, entries: Schemas["CallEntry"][]): Story {
  const call = detail.call as Call;
  const events = entries.flatMap((e) => (e.event ? [e.event] : [])).sort((a, b) => a.sequence - b.sequence);
  const lines = linesOf(entries);
  const lanes = new Lanes({ ...dataOf(events[0] ?? { data: {} }).call, ...call });
  const moments: Moment[] = [];
  for (const event of events) {
    const before = moments.at(-1)?.time;
    const time = timeOf(event);
    moments.push({
      ...lanes.move(event),
      event,
      time,
      gap: before === undefined ? 0 : Math.max(0, time - before),
      lines: lines.get(event.id) ?? [],
    });
  }
  const folded = lanes.folded();
  for (const m of moments) {
    m.at = folded.in(m.at);
    if (m.to) m.to = folded.in(m.to);
    if (m.to === m.at) m.to = undefined;
    for (const [id, doing] of Object.entries(m.doing)) m.doing[folded.in(id)] ??= doing;
  }
  return { lanes: folded.lanes, moments, sentence: sentenceOf(call, detail.status === "open", moments) };
}

function linesOf(entries: Schemas["CallEntry"][]): Map<string, Line[]> {
  const byDelivery = new Map<string, Line>();
  const byEvent = new Map<string, Line[]>();
  for (const { delivery } of entries) {
    if (!delivery) continue;
    const line: Line = { delivery, attempts: [] };
    byDelivery.set(delivery.id, line);
    byEvent.set(delivery.event_id, [...(byEvent.get(delivery.event_id) ?? []), line]);
  }
  for (const { attempt } of entries) if (attempt) byDelivery.get(attempt.delivery_id)?.attempts.push(attempt);
  return byEvent;
}

const lower = (s: string) => s.charAt(0).toLowerCase() + s.slice(1);

/** The whole call in one sentence. */
export function sentenceOf(call: Call, open: boolean, moments: Moment[]): string {
  const number = moments.map((m) => dataOf(m.event).number).find((n) => n?.number);
  const to = number?.description ? `${number.description} (${phone(number.number ?? "")})` : bothOf(call.to);
  const parts = [`${bothOf(call.from, "An unknown caller")} ${open ? "is calling" : "called"} ${to}`];
  let answered = 0;
  let held = 0;
  let heldSince = 0;
  let waited = 0;
  let end = 0;
  const began = moments[0]?.time ?? 0;
  const rang = new Set<string>();
  for (const m of moments) {
    const d = dataOf(m.event);
    const type = m.event.type;
    if (type === "ring_group.entered")
      parts.push(`went to ring group “${d.ring_group?.name ?? d.ring_group?.number ?? d.ring_group?.id ?? ""}”`);
    if (type === "extension.ringing") rang.add(d.extension?.number ?? "");
    if (type === "queuecall.created") {
      waited = m.time;
      parts.push(`waited in queue “${d.queue?.name ?? d.queue?.number ?? d.queuecall?.queue_id ?? ""}”`);
    }
    if (waited && (type === "queuecall.serviced" || type === "queuecall.abandoned" || type === "call.hungup")) {
      const i = parts.findLastIndex((p) => p.startsWith("waited in queue"));
      parts[i] += ` ${span(d.queuecall?.wait_ms ?? m.time - waited)}${type === "queuecall.abandoned" ? " and gave up" : ""}`;
      waited = 0;
    }
    const who = answeredBy(m);
    if (who && !answered) {
      answered = m.time;
      parts.push(`answered by ${who}${answered - began >= 1000 ? ` after ${span(answered - began)}` : ""}`);
    }
    if (type === "call.held") heldSince ||= m.time;
    if (heldSince && (type === "call.unheld" || type === "call.transferred" || m.end)) {
      held += m.time - heldSince;
      heldSince = 0;
    }
    if (type === "call.transferred") parts.push(`transferred to ${bothOf(d.call?.callee ?? d.call?.to, "somebody else")}`);
    if (type === "call.parked") parts.push("parked");
    if (type === "conference.joined" && m.at === moments[0]?.at)
      parts.push(`joined conference “${d.conference?.name ?? d.conference?.number ?? ""}”`);
    if (m.end) end = m.time;
  }
  if (!answered && call.answered_at && call.answered_by !== "system") {
    answered = Date.parse(call.answered_at);
    parts.push(`answered${call.callee ? ` by ${bothOf(call.callee)}` : ""}`);
  }
  if (rang.size > 1 && !answered) parts.push(`${rang.size} phones rang`);
  if (held >= 1000) parts.push(`on hold ${talk(held / 1000)}`);
  if (open) return parts.join("; ") + ".";
  if (answered) parts.push(`talked ${talk(((end || Date.parse(call.ended_at ?? "")) - answered) / 1000)}`);
  else if (call.message_left) parts.push("left a voicemail");
  else parts.push("nobody answered");
  const by = endedBy(call);
  const why = reasonOf(call);
  if (call.released_by === "system") parts.push(`ended by the phone system${why ? ` (${why})` : ""}`);
  else if (by)
    parts.push(`hung up by ${call.released_by === "caller" ? `the caller` : by}${why && why !== "hung up" ? ` (${lower(why)})` : ""}`);
  else if (why && why !== "hung up") parts.push(why);
  return parts.join("; ") + ".";
}

function answeredBy(m: Moment): string | undefined {
  const d = dataOf(m.event);
  switch (m.event.type) {
    case "extension.answered":
      return d.extension?.name ? `${d.extension.name} (ext. ${d.extension.number ?? ""})` : `extension ${d.extension?.number ?? ""}`;
    case "leg.answered":
      return d.call?.internal_leg ? undefined : bothOf(d.call?.to, "somebody");
    case "call.answered":
      if (d.call?.answered_by === "system") return undefined;
      if (d.call?.answered_extension?.name) return `${d.call.answered_extension.name} (ext. ${d.call.answered_extension.number ?? ""})`;
      return d.call?.answered_by === "external" ? nameOf(d.call.callee?.address ? d.call.callee : d.call.to) : undefined;
    default:
      return undefined;
  }
}
