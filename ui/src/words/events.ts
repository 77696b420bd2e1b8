// What an event says, as a sentence.
import { bothOf, type Call, type Data, dataOf, endedBy, nameOf, numberOf, reasonOf } from "./calls";
import { span } from "./time";
import { phone } from "./text";

const titled = (t: { id?: string; name?: string; number?: string } | undefined, kind: string) =>
  t?.name ? `${kind} “${t.name}”` : t?.number ? `${kind} ${t.number}` : t?.id ? `${kind} ${t.id}` : `a ${kind}`;

const extension = (d: Data) => {
  const e = d.extension;
  return e?.name ? `${e.name} (ext. ${e.number ?? "?"})` : `Extension ${e?.number ?? e?.id ?? "?"}`;
};

/** The other end of a leg: whom it is to ring. */
const far = (c: Call | undefined) => bothOf(c?.to, "another phone");

const hangup = (c: Call | undefined, what: string) => {
  const by = c ? endedBy(c) : "";
  const why = c ? reasonOf(c) : "";
  const cause = why && why !== "hung up" ? ` (${why})` : "";
  return by && why === "hung up" ? `${what}: ${by} hung up` : `${what}${by ? ` by ${by}` : ""}${cause}`;
};

const said: Record<string, (d: Data) => string> = {
  "call.created": (d) =>
    `${bothOf(d.call?.from, "Somebody")} calls ${d.number?.description ? `${phone(d.number.number ?? "")} (${d.number.description})` : bothOf(d.call?.to)}`,
  "call.ringing": () => "It rings",
  "call.answered": (d) =>
    d.call?.answered_by === "system"
      ? "The phone system answers"
      : `Answered${d.call?.answered_extension?.name ? ` by ${d.call.answered_extension.name}` : d.call?.callee ? ` by ${nameOf(d.call.callee)}` : ""}`,
  "call.bridged": () => "Connected: they can talk",
  "call.held": () => "Put on hold",
  "call.unheld": () => "Taken off hold",
  "call.updated": () => "Something about the call changed",
  "call.hungup": (d) => hangup(d.call, "The call has ended"),
  "call.transferred": (d) => `Transferred to ${bothOf(d.call?.callee ?? d.call?.to, "somebody else")}`,
  "call.cdr": () => "The call's record is complete",
  "call.missed": (d) => (d.call?.message_left ? "Nobody answered; the caller left a message" : "Nobody answered"),
  "call.parked": (d) => `Parked${d.call?.parking?.slot ? ` in ${d.call.parking.slot}` : ""}`,
  "call.retrieved": () => "Picked up from where it was parked",
  "call.park_abandoned": () => "Ended while it was parked",
  "call.dtmf": (d) => `The caller pressed ${d.digit ?? "a key"}`,
  "leg.created": (d) => (d.call?.internal_leg ? `A leg inside the switch begins` : `A leg to ${far(d.call)} begins`),
  "leg.ringing": (d) => `${far(d.call)} rings`,
  "leg.answered": (d) => `${far(d.call)} answers`,
  "leg.bridged": (d) => `${far(d.call)} is connected`,
  "leg.held": (d) => `The leg to ${far(d.call)} is on hold`,
  "leg.unheld": (d) => `The leg to ${far(d.call)} is off hold`,
  "leg.updated": (d) => `The leg to ${far(d.call)} changed`,
  "leg.hungup": (d) => `The leg to ${far(d.call)} has ended${d.call && reasonOf(d.call) ? ` (${reasonOf(d.call)})` : ""}`,
  "extension.ringing": (d) => `${extension(d)} rings`,
  "extension.answered": (d) => `${extension(d)} answers`,
  "extension.completed": (d) => `${extension(d)} is done with the call`,
  "extension.missed": (d) => `${extension(d)} did not answer`,
  "ring_group.entered": (d) => `Goes to ${titled(d.ring_group, "ring group")}`,
  "queuecall.created": (d) =>
    `Waits in ${titled(d.queue ?? { id: d.queuecall?.queue_id }, "queue")}${d.queuecall?.position ? ` at place ${d.queuecall.position}` : ""}`,
  "queuecall.connecting": (d) => `The queue chose ${d.agent?.name ?? "an agent"}`,
  "queuecall.kicked": () => "Is being taken out of the queue",
  "queuecall.serviced": (d) => `An agent takes the caller${d.queuecall?.wait_ms ? ` after ${span(d.queuecall.wait_ms)}` : ""}`,
  "queuecall.done": () => "The queue is done with the caller",
  "queuecall.abandoned": () => "The caller gave up waiting",
  "conference.joined": (d) =>
    `${d.conference?.participant?.name || numberOf({ address: d.conference?.participant?.number }) || nameOf(d.call?.from)} joins ${titled(d.conference, "conference")}`,
  "conference.left": (d) =>
    `${d.conference?.participant?.name || numberOf({ address: d.conference?.participant?.number }) || nameOf(d.call?.from)} leaves ${titled(d.conference, "conference")}`,
  "recording.started": () => "Recording starts",
  "recording.finished": () => "The recording is complete",
  "voicemail.new": (d) => `The caller left a voicemail${d.voicemail?.length_ms ? ` of ${span(d.voicemail.length_ms)}` : ""}`,
  "message.received": () => "A text message came in",
  "message.sent": () => "A text message went out",
};

/** What happened, in words: the catalogue's meaning where the event has no sentence of its own. */
export function tell(event: { type: string; data: unknown }, meaning?: string): string {
  const sentence = said[event.type]?.(dataOf(event));
  return sentence ?? meaning?.replace(/\.$/, "") ?? event.type.replaceAll(/[._]/g, " ");
}
