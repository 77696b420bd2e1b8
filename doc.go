// Package switchhook is the vocabulary of Switchhook, the software that brings
// a phone system's events to its customers' programs. It needs nothing but the
// standard library; every other package leans on it.
//
// # The life of an event
//
// A phone system knows first that a call rings. What it says comes in through
// a source (its own protocol), through /v1/in (another system's webhooks) or
// through POST /v1/events, and becomes an [Event]: one thing that happened, in
// the words of the catalogue, such as call.answered.
//
// Package route accepts it. Calls, legs, queue calls and agents are folded into
// snapshots first (package calls), so that an event which says only "call 7 was
// answered" leaves with the whole call in it; the directory adds what it knows
// of numbers, extensions and queues. Then the webhooks that want the event are
// looked up, and the event, its targets and the changed snapshots become
// durable in one [Commit]. Only now is it acknowledged.
//
// From there package deliver takes over. Each pair of event and webhook is a
// [Delivery]; deliveries of one webhook with the same ordering key wait for one
// another in a lane, all others go side by side. The webhook's dialect renders
// the request in the exact shape that the customer's code already parses, it
// is signed and sent, and the [Attempt] is recorded in the next commit. What
// fails is tried again on a schedule; every delivery ends as delivered, failed,
// expired or cancelled, and never without a record of it.
//
// # Words
//
//   - account: a tenant. Accounts form a tree: operator, reseller, customer.
//   - event: one thing that happened. Immutable once accepted.
//   - type: its name in the catalogue, such as call.answered.
//   - ordering key: what it is ordered by, such as the call's root id.
//   - webhook: what a customer set up: which events, where to, in which dialect.
//   - dialect: the request shape of one system: switchhook, kazoo, voipbin,
//     teli, primevox.
//   - delivery: one event for one webhook.
//   - attempt: one try to deliver, with what was sent and what came back.
//   - source: a connection to a phone system.
//   - record: a row of the operator's directory: a number, an extension, a queue.
//   - call and leg: a call is the whole conversation; each channel of it that
//     the switch knows is a leg. The first leg gives the call its id.
//   - caller and callee, DID (a number that can be dialled from outside),
//     extension (a number inside), ring group, queue, agent, hangup cause: as
//     everywhere in telephony.
//
// "hungup" and "queuecall" are VoIPBin's spelling, kept because its users know
// them.
package switchhook
