// Calls of many kinds, as events for POST /v1/events.

type Members = Record<string, unknown>;
interface Options {
  id: string;
  account?: string;
  at?: number;
  call?: Members;
}
interface Event {
  type: string;
  account_id?: string;
  occurred_at: string;
  data: Members;
}
interface Person {
  id: string;
  number: string;
  name: string;
}

/** A call being told: say() adds an event `after` seconds after the one before. */
export function teller({ id, account, at = Date.now() - 600_000, call = {} }: Options) {
  const events: Event[] = [];
  let now = at;
  const root: Members = { id, direction: "inbound", from: anna, to: sales, ...call };
  const say = (after: number, type: string, data: Members = {}) => {
    now += after * 1000;
    const event: Event = { type, occurred_at: new Date(now).toISOString(), data };
    if (account) event.account_id = account;
    events.push(event);
  };
  const of = (members: Members = {}) => ({ call: { id, ...members } });
  const leg = (n: number, members: Members = {}) => ({
    call: { id: `${id}-leg${n}`, root_id: id, parent_id: id, leg_direction: "outbound", ...members },
  });
  const ext = (e: Person, members: Members = {}) => ({ extension: e, call: { id, ...members } });
  say(0, "call.created", { call: root, ...(root.to === sales ? { number: { number: "+12025550100", description: "Sales line" } } : {}) });
  return { events, say, of, leg, ext, id };
}

export const anna = { address: "+14155550123", name: "Anna Bell", type: "tel" };
const sales = { address: "+12025550100", type: "tel" };
export const people = ["Bob Fischer", "Carla Gómez", "Dmitri Ivanov", "Ella Sørensen", "Farid Haddad"].map((name, i) => ({
  id: `ext-${102 + i}`,
  number: String(102 + i),
  name,
}));
const party = (e: Person) => ({ address: e.number, name: e.name, type: "extension" });
const [bob, carla, dmitri, ella] = people as [Person, Person, Person, Person, Person];
const normal = { hangup_reason: "normal", hangup_cause: "NORMAL_CLEARING", q850: 16, sip_status: 200 };

export const scenarios = {
  simple(o: Options) {
    const t = teller(o);
    t.say(0.4, "leg.created", t.leg(1, { to: party(bob) }));
    t.say(0.2, "extension.ringing", t.ext(bob));
    t.say(0.1, "call.ringing", t.of());
    t.say(11, "extension.answered", t.ext(bob));
    t.say(0, "leg.answered", t.leg(1));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: bob, callee: party(bob) }));
    t.say(0.1, "call.bridged", t.of());
    t.say(65, "call.held", t.of());
    t.say(24, "call.unheld", t.of());
    t.say(97, "extension.completed", t.ext(bob));
    t.say(0, "leg.hungup", t.leg(1, normal));
    t.say(0, "call.hungup", t.of({ released_by: "caller", ...normal }));
    return t;
  },
  missed(o: Options) {
    const t = teller(o);
    t.say(0.4, "extension.ringing", t.ext(carla));
    t.say(25, "extension.missed", t.ext(carla));
    t.say(0, "call.missed", t.of());
    t.say(
      0,
      "call.hungup",
      t.of({ released_by: "caller", hangup_reason: "cancelled", hangup_cause: "ORIGINATOR_CANCEL", q850: 31, sip_status: 487 }),
    );
    return t;
  },
  queue(o: Options) {
    const t = teller(o);
    const queue = { id: "q-support", number: "700", name: "Support" };
    const qc = (m: Members) => ({
      queuecall: { id: `${t.id}-qc`, queue_id: queue.id, reference_type: "call", reference_id: t.id, ...m },
      queue,
      call: { id: t.id },
    });
    t.say(0.5, "call.answered", t.of({ answered_by: "system" }));
    t.say(0.2, "queuecall.created", qc({ position: 3 }));
    t.say(30, "leg.created", t.leg(1, { to: party(dmitri) }));
    t.say(0.5, "queuecall.connecting", {
      ...qc({ agent_id: "agent-d" }),
      agent: { id: "agent-d", name: dmitri.name, extension: dmitri.number },
    });
    t.say(12, "extension.answered", t.ext(dmitri));
    t.say(0, "queuecall.serviced", qc({ wait_ms: 42_000 }));
    t.say(0.1, "call.bridged", t.of({ answered_by: "extension", answered_extension: dmitri, callee: party(dmitri) }));
    t.say(185, "queuecall.done", qc({ service_ms: 185_000 }));
    t.say(0, "extension.completed", t.ext(dmitri));
    t.say(0, "call.hungup", t.of({ released_by: "callee", ...normal }));
    return t;
  },
  group(o: Options) {
    const t = teller(o);
    t.say(0.3, "ring_group.entered", {
      ring_group: { id: "rg-1", number: "600", name: "Front desk", strategy: "ringall" },
      call: { id: t.id },
    });
    people.forEach((e, i) => {
      t.say(0.05, "leg.created", t.leg(i, { to: party(e) }));
      t.say(0.05, "extension.ringing", t.ext(e));
    });
    t.say(8, "extension.answered", t.ext(ella));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: ella, callee: party(ella) }));
    people.forEach(
      (_, i) =>
        i !== 3 && t.say(0.02, "leg.hungup", t.leg(i, { hangup_reason: "answered_elsewhere", hangup_cause: "LOSE_RACE", q850: 502 })),
    );
    t.say(40, "extension.completed", t.ext(ella));
    t.say(0, "call.hungup", t.of({ released_by: "callee", ...normal }));
    return t;
  },
  blind(o: Options) {
    const t = teller(o);
    t.say(0.3, "extension.ringing", t.ext(bob));
    t.say(6, "extension.answered", t.ext(bob));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: bob, callee: party(bob) }));
    t.say(20, "call.transferred", t.of({ callee: party(carla) }));
    t.say(0, "extension.completed", t.ext(bob));
    t.say(0.3, "extension.ringing", t.ext(carla));
    t.say(5, "extension.answered", t.ext(carla));
    t.say(70, "call.hungup", t.of({ released_by: "callee", ...normal }));
    return t;
  },
  attended(o: Options) {
    const t = teller(o);
    t.say(0.3, "extension.ringing", t.ext(bob));
    t.say(6, "extension.answered", t.ext(bob));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: bob, callee: party(bob) }));
    t.say(20, "call.held", t.of());
    t.say(1, "leg.created", t.leg(2, { from: party(bob), to: party(carla) }));
    t.say(4, "leg.answered", t.leg(2));
    t.say(15, "call.transferred", t.of({ callee: party(carla) }));
    t.say(0.1, "call.bridged", t.of());
    t.say(125, "call.hungup", t.of({ released_by: "caller", ...normal }));
    return t;
  },
  conference(o: Options) {
    const t = teller(o);
    const join = (p: Members, n: number) => ({
      conference: { id: "conf-1", number: "800", name: "Monday meeting", participant: p, participant_count: n },
      call: { id: t.id },
    });
    t.say(0.5, "call.answered", t.of({ answered_by: "system" }));
    t.say(0.5, "conference.joined", join({ call_id: t.id, name: "Anna Bell", number: "+14155550123" }, 1));
    t.say(30, "conference.joined", join({ call_id: "c2", name: bob.name, number: bob.number }, 2));
    t.say(15, "conference.joined", join({ call_id: "c3", name: carla.name, number: carla.number }, 3));
    t.say(600, "conference.left", join({ call_id: "c3", name: carla.name, number: carla.number }, 2));
    t.say(120, "conference.left", join({ call_id: t.id, name: "Anna Bell", number: "+14155550123" }, 1));
    t.say(0, "call.hungup", t.of({ released_by: "caller", ...normal }));
    return t;
  },
  internal(o: Options) {
    const t = teller({ ...o, call: { direction: "internal", from: party(bob), to: party(carla) } });
    t.say(0.1, "leg.created", t.leg(9, { internal_leg: true, to: { address: "loopback/102-a", type: "sip" } }));
    t.say(0.1, "leg.created", t.leg(1, { to: party(carla) }));
    t.say(5, "leg.answered", t.leg(1));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: carla, callee: party(carla) }));
    t.say(33, "leg.hungup", t.leg(9, { internal_leg: true, ...normal }));
    t.say(0, "call.hungup", t.of({ released_by: "caller", ...normal }));
    return t;
  },
  long(o: Options) {
    const t = teller({ ...o, at: Date.now() - 3 * 3600_000 });
    t.say(4, "extension.ringing", t.ext(bob));
    t.say(6, "extension.answered", t.ext(bob));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: bob, callee: party(bob) }));
    t.say(2 * 3600 + 312, "call.hungup", t.of({ released_by: "caller", ...normal }));
    return t;
  },
  many(o: Options) {
    const t = teller(o);
    t.say(0.3, "extension.ringing", t.ext(bob));
    t.say(3, "extension.answered", t.ext(bob));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: bob, callee: party(bob) }));
    for (let i = 0; i < 98; i++) {
      t.say(2, "call.held", t.of());
      t.say(1, "call.unheld", t.of());
    }
    t.say(4, "call.hungup", t.of({ released_by: "caller", ...normal }));
    return t;
  },
  rtl(o: Options) {
    const caller = { address: "+972501234567", name: "שירה כהן־לוי", type: "tel" };
    const t = teller({ ...o, call: { from: caller } });
    const e = { id: "ext-110", number: "110", name: "محمد بن عبد الرحمن الخوارزمي" };
    t.say(0.3, "extension.ringing", t.ext(e));
    t.say(9, "extension.answered", t.ext(e));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: e, callee: party(e) }));
    t.say(51, "call.hungup", t.of({ released_by: "caller", ...normal }));
    return t;
  },
  longnames(o: Options) {
    const name = "Maximiliana Featherstonehaugh-Cholmondeley of the Department for Extraordinarily Long Names ".repeat(3).slice(0, 200);
    const t = teller({ ...o, call: { from: { ...anna, name } } });
    const e = { id: "ext-111", number: "111", name: "Wolfeschlegelsteinhausenbergerdorff".repeat(5).slice(0, 180) };
    t.say(0.3, "extension.ringing", t.ext(e));
    t.say(30, "extension.missed", t.ext(e));
    t.say(
      0,
      "call.hungup",
      t.of({ released_by: "system", message_left: true, hangup_reason: "no_answer", hangup_cause: "NO_ANSWER", q850: 19 }),
    );
    return t;
  },
  open(o: Options) {
    const t = teller({ ...o, at: Date.now() - 20_000 });
    t.say(0.3, "extension.ringing", t.ext(bob));
    t.say(6, "extension.answered", t.ext(bob));
    t.say(0, "call.answered", t.of({ answered_by: "extension", answered_extension: bob, callee: party(bob) }));
    return t;
  },
};

export async function send(base: string, key: string, events: Event[]) {
  for (let i = 0; i < events.length; i += 100) {
    const answer = await fetch(`${base}/v1/events`, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      body: JSON.stringify(events.slice(i, i + 100)),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }
}
