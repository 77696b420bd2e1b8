// Times and durations, in words.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** A duration in milliseconds as a person says it: 340 ms, 12.4 s, 3 min 20 s, 2 h 5 min, 4 d. */
export function span(ms: number): string {
  const left = Math.max(0, ms);
  if (left < 1) return left === 0 ? "0 ms" : left.toFixed(1) + " ms";
  if (left < second) return Math.round(left) + " ms";
  if (left < 10 * second) return (Math.round(left / 100) / 10).toString() + " s";
  if (left < minute) return Math.round(left / second) + " s";
  const two = (big: number, bigName: string, small: number, smallName: string) => {
    const whole = Math.floor(left / big);
    const rest = Math.floor((left % big) / small);
    return rest ? `${whole} ${bigName} ${rest} ${smallName}` : `${whole} ${bigName}`;
  };
  if (left < hour) return two(minute, "min", second, "s");
  if (left < day) return two(hour, "h", minute, "min");
  return two(day, "d", hour, "h");
}

/** A length of talk as phones show it: 0:07, 3:05, 1:02:03. */
export function talk(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const pad = (n: number) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${pad(s % 60)}` : `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`;
}

/** How long ago, or in how long: now, 5 s ago, 3 min ago, in 2 h. */
export function ago(at: string | number | Date, from: number): string {
  const distance = from - new Date(at).getTime();
  const size = Math.abs(distance);
  if (size < 2 * second) return "now";
  const text =
    size < minute
      ? Math.floor(size / second) + " s"
      : size < hour
        ? Math.floor(size / minute) + " min"
        : size < day
          ? Math.floor(size / hour) + " h"
          : Math.floor(size / day) + " d";
  return distance > 0 ? text + " ago" : "in " + text;
}

const dayAndTime = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** A time of day with what of the date is needed: 14:05:09.120, or Sat 28 Nov, 14:05. */
export function clock(at: string | number | Date, now = Date.now(), precise = false): string {
  const t = new Date(at);
  if (new Date(now).toDateString() !== t.toDateString()) return dayAndTime.format(t);
  const pad = (n: number, width = 2) => String(n).padStart(width, "0");
  const text = `${pad(t.getHours())}:${pad(t.getMinutes())}:${pad(t.getSeconds())}`;
  return precise ? `${text}.${pad(t.getMilliseconds(), 3)}` : text;
}

/** All there is to say of a time, for a title. */
export function fully(at: string | number | Date): string {
  const t = new Date(at);
  return `${whole.format(t)}\n${t.toISOString()}`;
}

/** The milliseconds of one of the API's durations (15s, 72h, 1m30s, 30d). */
export function durationOf(text: string): number {
  const units: Record<string, number> = { ms: 1, s: second, m: minute, h: hour, d: day };
  let sum = 0;
  for (const [, n, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g)) sum += Number(n) * (units[unit ?? ""] ?? 0);
  return sum;
}
