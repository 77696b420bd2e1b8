// Why a delivery stands as it does, in words that need no explanation.
import type { Schemas } from "../../api/client";
import { notificationOf } from "../../words/mail";
import { durationOf, span } from "../../words/time";

type Delivery = Schemas["Delivery"];
export interface Tried {
  attempt_number: number;
  started_at: string;
  outcome: string;
  status?: number;
  error?: string;
}
/** What is known of the webhook as it is now. */
export interface HookNow {
  status?: string;
  paused_at?: string;
  disable_reason?: string;
}

const times = (n: number) => ["", "once", "twice", "three times", "four times", "five times"][n] ?? `${n} times`;

/** How the attempts that failed ended: the receiver answered 500 three times; the connection was refused. */
export function failures(tried: Tried[], receiver = "the receiver"): string {
  const failed = tried.filter((t) => t.outcome !== "success" && t.attempt_number > 0);
  const counts = new Map<string, number>();
  for (const t of failed) {
    const what = t.status ? `answered ${t.status}` : (t.error?.split("; ")[0] ?? "did not answer");
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts]
    .map(([what, n]) =>
      what.startsWith("answered ") || what === "did not answer"
        ? `${receiver} ${what} ${times(n)}`
        : n > 1
          ? `${what} (${times(n)})`
          : what,
    )
    .join(", then ");
}

const sentence = (s: string) => (s ? s.charAt(0).toUpperCase() + s.slice(1).replace(/\.*$/, ".") : "");

/** Why it stands as it does. now is for how long it still waits. */
export function whyOf(d: Delivery, tried: Tried[], hook: HookNow | undefined, now: number): string {
  const kind = notificationOf(d.webhook_id)?.medium;
  const receiver = kind === "email" ? "the mail server" : kind === "sms" ? "the gateway" : "the receiver";
  const how = failures(tried, receiver);
  switch (d.state) {
    case "delivered": {
      const last = tried.findLast((t) => t.outcome === "success");
      if (!last || tried.length < 2) return sentence(`${receiver} took it`);
      return sentence(
        `taken at attempt ${last.attempt_number}, ${span(Date.parse(last.started_at) - Date.parse(d.accepted_at))} after the event; before, ${how || "it failed"}`,
      );
    }
    case "pending": {
      if (hook?.status === "paused") return sentence(`${how ? how + "; it" : "it"} waits, for the webhook is paused`);
      if (d.next_attempt_at) {
        const left = Date.parse(d.next_attempt_at) - now;
        const probed = hook?.status === "failing" ? "it goes with the next probe, for the webhook is failing" : "next try now";
        const next = left > 0 ? `next try in ${span(Math.ceil(left / 1000) * 1000)}` : probed;
        return sentence(how ? `${how}; ${next}` : `it waits: ${next}`);
      }
      if (hook?.status === "failing")
        return sentence(`${how ? how + "; it" : "it"} waits, for the webhook is failing and only probed now and then`);
      return sentence(how ? `${how}; it waits for its turn` : "it waits for its turn");
    }
    case "expired": {
      const age = /^it is older than (\S+)$/.exec(d.reason ?? "")?.[1];
      return sentence(
        age
          ? `it was older than ${span(durationOf(age))} when its turn came, too old to be of use${how ? `; ${how}` : ""}`
          : `${d.reason || "it was too old to be of use"}${how ? `; ${how}` : ""}`,
      );
    }
    case "cancelled":
      return sentence(`cancelled: ${d.reason || "the webhook was disabled or deleted"}${how ? `; ${how}` : ""}`);
    default: {
      const last = d.reason?.split("; ").at(-1) ?? "";
      return sentence([how, how.includes(last) ? "" : last].filter(Boolean).join("; ") || "it failed");
    }
  }
}
