// Package faults runs the real server, does to it what operating systems,
// disks and receivers do, and counts what it acknowledged against what arrived.
//
// A [rig] is one server, or a [cluster] of several on one PostgreSQL database, with
// a load and receivers. The load posts calls, several events each, and knows of
// every one whether it was acknowledged, or whether the answer was lost and nobody
// knows; what it gave an id it posts again until it is acknowledged. The receivers
// behave well, or badly in one way each, and write down what came and what they
// answered. In the end the checker compares the two:
//
//   - lost: every acknowledged event was answered 2xx by each webhook that wants
//     it; what was posted together and never acknowledged came as a whole or not
//     at all.
//   - order: of one webhook and key, nothing came before what was accepted
//     before it was answered 2xx, and sequences rise as the events were posted.
//   - names: a delivery has one webhook-id, whatever happens, and no two share
//     one; what was posted twice under one id came as one event.
//   - repeats: what was answered 2xx came again only where the server was
//     interrupted at that moment, or has recorded that it could not read the
//     answer. They are counted.
//   - patience: a receiver that takes half a second to answer is waited for, also
//     by a server that is told to stop.
//   - rivals: of several processes one sends, and none after another has begun to.
//     Each tells its name to the receivers. What it was about to send when it was
//     stopped it may still send.
//   - folding: events leave with what earlier ones said of their call, though the
//     server was restarted in between.
//
// Where there are several processes, posts go to each in turn; one that gets no
// answer, or 503, is posted again, with the same ids, to the next. Whatever ends is
// started again. The interruption of one process excuses no repeat of what another
// has sent, and that of one that does not lead excuses none.
//
// All choices follow from one seed, which is printed. A run with the same seed
// makes the same choices; the operating system's timing stays its own.
package faults
