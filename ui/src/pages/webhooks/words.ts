import type { Schemas } from "../../api/client";
import { ago, clock } from "../../words/time";

type Hook = Schemas["Webhook"];
type Stats = Schemas["WebhookStats"];

/** Where a webhook's requests go, without what is behind the host. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

/** How a webhook stands, in one sentence. */
export function standing(status: string, stats: Stats, disabledFor: string | undefined, now: number): string {
  const waiting = stats.pending ? ` ${stats.pending} ${stats.pending === 1 ? "delivery waits" : "deliveries wait"}.` : "";
  switch (status) {
    case "failing": {
      const since = stats.failing_since ? `Failing since ${clock(stats.failing_since, now)}` : "Failing";
      const next = stats.next_probe_at ? ` ${nextTry(stats.next_probe_at, now)}` : "";
      return `${since}${stats.last_error ? ": " + trimmed(stats.last_error) : ""}.${next}${waiting}`;
    }
    case "paused":
      return `Paused: nothing is sent until it is resumed.${waiting || " What comes meanwhile waits."}`;
    case "disabled":
      return `Disabled: ${trimmed(disabledFor || "it was turned off")}. Nothing is sent, and nothing waits.`;
    default:
      if (!stats.last_attempt_at) return "Nothing has been sent yet.";
      return `The last request went out ${ago(stats.last_attempt_at, now)}${stats.failing_since ? ", and failed" : ", and was taken"}.${waiting}`;
  }
}

/** When a failing webhook is tried next. */
export const nextTry = (at: string, now: number) =>
  new Date(at).getTime() - now > 1000 ? `Tried next ${ago(at, now)}.` : "Tried at any moment.";

const trimmed = (text: string) => text.replace(/[.\s]+$/, "");

const ill: Record<string, number> = { failing: 0, disabled: 1, paused: 2, active: 3 };

/** The ill ones first: those that fail, those that we have turned off, those that wait; then by name. */
export const byNeed = (a: Hook, b: Hook) =>
  (ill[a.status] ?? 9) - (ill[b.status] ?? 9) || (b.stats.pending ?? 0) - (a.stats.pending ?? 0) || a.name.localeCompare(b.name);

/** The share of attempts that were taken; undefined where there were none. */
export function share(good: number[], bad: number[]): number | undefined {
  const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);
  const all = sum(good) + sum(bad);
  return all ? sum(good) / all : undefined;
}

/** Turned off by Switchhook itself, not by its owner. */
export const turnedOffByUs = (w: Hook) => w.status === "disabled" && !!w.disable_reason && !/by its owner/.test(w.disable_reason);

/** A course in fewer steps, for where there is little room. */
export function coarse(values: number[], steps = 24): number[] {
  const size = Math.max(1, Math.ceil(values.length / steps));
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.slice(i * size, (i + 1) * size).reduce((a, b) => a + b, 0),
  );
}
