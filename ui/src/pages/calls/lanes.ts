// Who and what takes part in a call, and how each of them stands after each event.
import { bare, type Call, type Data, dataOf, nameOf, numberOf, type Party } from "../../words/calls";
import { phone } from "../../words/text";
import type { Schemas } from "../../api/client";

export type Doing = "ringing" | "waiting" | "talking" | "held";
export type LaneKind =
  | "caller"
  | "number"
  | "ring_group"
  | "queue"
  | "extension"
  | "external"
  | "conference"
  | "parking"
  | "voicemail"
  | "others";

export interface Lane {
  id: string;
  kind: LaneKind;
  name: string;
  number: string;
  /** Somebody there has spoken in the call. */
  spoke?: boolean;
}

export interface Move {
  /** The lane that the event is at, and where it leads. */
  at: string;
  to?: string;
  /** How each lane stands from here on. */
  doing: Record<string, Doing>;
  /** It ends the call. */
  end?: boolean;
}

/** More lanes than this are no picture: phones that only rang share one. */
const most = 9;

/** Goes through a call's events, and keeps who does what. */
export class Lanes {
  readonly all: Lane[] = [];
  #doing: Record<string, Doing> = {};
  #legs = new Map<string, string>();
  /** Where the caller has been sent last. */
  #holder = "";
  #caller = "";
  #root: string;

  constructor(call: Call) {
    this.#root = call.id ?? "";
    this.#caller = this.#party(call.from, "caller");
  }

  move(event: Schemas["Event"]): Move {
    const d = dataOf(event);
    const { at, to } = this.#take(event.type, d);
    return { at, to: to === at ? undefined : to, doing: { ...this.#doing }, end: event.type === "call.hungup" && this.#isRoot(d.call) };
  }

  /** The lanes as they are drawn, and the lane that each is drawn in. */
  folded(): { lanes: Lane[]; in: (id: string) => string } {
    const quiet = this.all.filter((l) => l.kind === "extension" && !l.spoke);
    if (this.all.length <= most || quiet.length < 3) return { lanes: this.all, in: (id) => id };
    const gone = new Set(quiet.map((l) => l.id));
    const others: Lane = { id: "others", kind: "others", name: `${quiet.length} phones`, number: "that only rang" };
    const lanes = this.all.flatMap((l) => (l.id === quiet[0]?.id ? [others] : gone.has(l.id) ? [] : [l]));
    return { lanes, in: (id) => (gone.has(id) ? "others" : id) };
  }

  #isRoot = (c: Call | undefined) => !c?.id || c.id === this.#root;

  #lane(id: string, kind: LaneKind, name: string, number = ""): string {
    const there = this.all.find((l) => l.id === id);
    if (!there) this.all.push({ id, kind, name, number });
    else if (!there.number && name && there.name !== name) Object.assign(there, { name, number });
    return id;
  }

  #party(p: Party | undefined, kind?: LaneKind): string {
    const address = bare(p?.address);
    const inside = p?.type === "extension" || /^\d{1,6}$/.test(address);
    const id = (inside ? "x:" : "t:") + (address.replace(/^\+/, "") || kind || "somebody");
    const name = nameOf(p, kind === "caller" ? "Unknown caller" : "Somebody");
    const number = numberOf(p);
    return this.#lane(id, kind ?? (inside ? "extension" : "external"), name, number === name ? "" : inside ? `ext. ${number}` : number);
  }

  #extension(e: Data["extension"]): string {
    return this.#party({ address: e?.number ?? e?.id, name: e?.name, type: "extension" });
  }

  #thing(
    kind: "ring_group" | "queue" | "conference",
    t: { id?: string; name?: string; number?: string } | undefined,
    word: string,
  ): string {
    const name = t?.name || (t?.number ? `${word} ${t.number}` : word);
    return this.#lane(`${kind}:${t?.id ?? t?.number ?? ""}`, kind, name, t?.name ? (t.number ?? word) : word);
  }

  #dialled(d: Data): string {
    const c = d.call;
    if (d.number?.number) {
      const n = phone(d.number.number);
      return this.#lane("t:" + d.number.number.replace(/^\+/, ""), "number", d.number.description || n, d.number.description ? n : "");
    }
    return this.#party(c?.to, c?.direction === "inbound" ? "number" : undefined);
  }

  /** The lane of a leg: that of whom it is to ring. */
  #leg(c: Call | undefined): string {
    if (this.#isRoot(c)) return this.#caller;
    const known = this.#legs.get(c?.id ?? "");
    if (known) return known;
    const lane = this.#party(c?.to);
    this.#legs.set(c?.id ?? "", lane);
    return lane;
  }

  #talk(...ids: string[]) {
    for (const id of ids) {
      this.#doing[id] = "talking";
      const lane = this.all.find((l) => l.id === id);
      if (lane) lane.spoke = true;
    }
  }

  #drop(...ids: string[]) {
    for (const id of ids) delete this.#doing[id];
  }

  #turn(from: Doing, to: Doing) {
    for (const [id, doing] of Object.entries(this.#doing)) if (doing === from) this.#doing[id] = to;
  }

  #ring(id: string): { at: string; to?: string } {
    if (this.#doing[id]) return { at: id };
    this.#doing[id] = "ringing";
    return { at: this.#holder || this.#caller, to: id };
  }

  /** Somebody has answered: what waited or rang for the caller is over. */
  #answer(id: string): { at: string; to?: string } {
    this.#talk(id, this.#caller);
    for (const l of this.all) if (l.kind === "ring_group" || l.kind === "queue") this.#drop(l.id);
    return { at: id, to: this.#caller };
  }

  #go(id: string, doing: Doing): { at: string; to?: string } {
    const from = this.#holder || this.#caller;
    this.#holder = id;
    this.#doing[id] = doing;
    return { at: from, to: id };
  }

  #speaking(): string | undefined {
    return this.all.find((l) => l.id !== this.#caller && this.#doing[l.id] === "talking")?.id;
  }

  // oxlint-disable-next-line complexity: a case for each type
  #take(type: string, d: Data): { at: string; to?: string } {
    const here = { at: this.#leg(d.call) };
    switch (type) {
      case "call.created": {
        this.#doing[this.#caller] = "waiting";
        this.#holder = this.#dialled(d);
        if (this.all.find((l) => l.id === this.#holder)?.kind !== "number") this.#doing[this.#holder] = "ringing";
        return { at: this.#caller, to: this.#holder };
      }
      case "leg.created":
      case "leg.ringing":
        return d.call?.internal_leg ? here : this.#ring(here.at);
      case "extension.ringing":
        return this.#ring(this.#extension(d.extension));
      case "queuecall.connecting":
        return d.agent?.extension || d.agent?.name
          ? this.#ring(this.#party({ address: d.agent.extension ?? d.agent.name, name: d.agent.name, type: "extension" }))
          : { at: this.#holder };
      case "ring_group.entered":
        return this.#go(this.#thing("ring_group", d.ring_group, "Ring group"), "ringing");
      case "queuecall.created":
        return this.#go(this.#thing("queue", d.queue ?? { id: d.queuecall?.queue_id }, "Queue"), "waiting");
      case "queuecall.serviced":
      case "queuecall.done":
      case "queuecall.abandoned":
      case "queuecall.kicked": {
        const queue = this.#thing("queue", d.queue ?? { id: d.queuecall?.queue_id }, "Queue");
        this.#drop(queue);
        return { at: queue };
      }
      case "extension.answered":
        return this.#answer(this.#extension(d.extension));
      case "leg.answered":
        return d.call?.internal_leg ? here : this.#answer(here.at);
      case "call.answered": {
        if (d.call?.answered_by === "system") return { at: this.#holder || here.at, to: this.#caller };
        if (d.call?.answered_extension) return this.#answer(this.#extension(d.call.answered_extension));
        if (d.call?.answered_by === "external") return this.#answer(this.#party(d.call.callee?.address ? d.call.callee : d.call.to));
        this.#talk(this.#caller);
        return here;
      }
      case "call.held":
      case "leg.held":
        this.#turn("talking", "held");
        return here;
      case "call.unheld":
      case "leg.unheld":
        this.#turn("held", "talking");
        return here;
      case "call.parked":
        this.#drop(...this.all.filter((l) => l.id !== this.#caller).map((l) => l.id));
        this.#doing[this.#caller] = "held";
        return this.#go(this.#lane("parking", "parking", "Parking", d.call?.parking?.slot ?? ""), "held");
      case "call.retrieved":
      case "call.park_abandoned":
        this.#drop("parking");
        this.#turn("held", "talking");
        return { at: "parking" };
      case "call.transferred": {
        const from = this.#speaking() ?? this.#holder;
        const to = this.#party(d.call?.callee ?? d.call?.to);
        if (to === from) return { at: from };
        this.#drop(from);
        this.#holder = to;
        this.#doing[to] ??= "ringing";
        this.#turn("held", "talking");
        return { at: from, to };
      }
      case "conference.joined": {
        const room = this.#thing("conference", d.conference, "Conference");
        const p = d.conference?.participant;
        const who = p?.number || p?.name ? this.#party({ address: p.number ?? p.name, name: p.name }) : here.at;
        this.#talk(who, room);
        return { at: who, to: room };
      }
      case "conference.left": {
        const room = this.#thing("conference", d.conference, "Conference");
        const p = d.conference?.participant;
        const who = p?.number || p?.name ? this.#party({ address: p.number ?? p.name, name: p.name }) : here.at;
        this.#drop(who);
        if (!d.conference?.participant_count) this.#drop(room);
        return { at: room, to: who };
      }
      case "voicemail.new":
        return { at: this.#caller, to: this.#lane("voicemail", "voicemail", "Voicemail", d.voicemail?.mailbox_number ?? "") };
      case "extension.missed":
      case "extension.completed": {
        const x = this.#extension(d.extension);
        this.#drop(x);
        return { at: x };
      }
      case "leg.hungup":
        if (here.at !== this.#caller) this.#drop(here.at);
        return here;
      case "call.hungup":
        if (this.#isRoot(d.call)) this.#doing = {};
        return { at: d.call?.released_by === "callee" ? (this.all.find((l) => l.spoke && l.id !== this.#caller)?.id ?? here.at) : here.at };
      default:
        return here;
    }
  }
}

/** What a lane is, for who cannot see it. */
export const laneWord = (l: Lane) => (l.number ? `${l.name}, ${l.number}` : l.name);
