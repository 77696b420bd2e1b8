import { Check as Tick, Copy as CopyIcon } from "lucide-react";
import { type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { ago, clock, fully } from "../words/time";
import { familyColour } from "../words/text";
import { Button } from "./button";
import css from "./bits.module.css";

export type Tone = "ok" | "warn" | "bad" | "idle" | "info";

const tones: Record<string, Tone> = {
  // webhooks
  active: "ok",
  failing: "bad",
  paused: "warn",
  disabled: "idle",
  // deliveries and attempts
  delivered: "ok",
  success: "ok",
  pending: "info",
  failed: "bad",
  failure: "bad",
  expired: "warn",
  cancelled: "idle",
  // calls
  open: "info",
  ended: "idle",
  // sources
  connected: "ok",
  running: "ok",
  ready: "ok",
  connecting: "info",
  waiting: "warn",
  stopped: "idle",
  refused: "bad",
  error: "bad",
  // jobs
  done: "ok",
  queued: "info",
};

/** A state, as a dot and a word: never by colour alone. */
export function State({ of, tone, title }: { of: string; tone?: Tone; title?: string }) {
  return (
    <span className={css.state} data-tone={tone ?? tones[of] ?? "idle"} title={title}>
      {of.replaceAll("_", " ")}
    </span>
  );
}

/** A small label. */
export function Badge({ tone = "idle", children, title }: { tone?: Tone; children: ReactNode; title?: string }) {
  return (
    <span className={css.badge} data-tone={tone} title={title}>
      {children}
    </span>
  );
}

/** An event's type in the colour of its family. */
export function TypeName({ type }: { type: string }) {
  return (
    <span className={css.type} style={{ color: familyColour(type) }}>
      <span className={css.mark} aria-hidden />
      {type}
    </span>
  );
}

/** An HTTP status, or what stood in its way. */
export function Status({ code, error }: { code?: number; error?: string }) {
  if (!code)
    return (
      <Badge tone="bad" title={error}>
        {error ? "no answer" : "—"}
      </Badge>
    );
  return <Badge tone={code < 300 ? "ok" : code < 400 ? "warn" : "bad"}>{code}</Badge>;
}

// One clock for all that tell how long ago something was.
const beats = new Set<() => void>();
let beat = Date.now();
let timer = 0;
function onBeat(listener: () => void) {
  beats.add(listener);
  timer ||= window.setInterval(() => {
    beat = Date.now();
    for (const l of beats) l();
  }, 1000);
  return () => {
    beats.delete(listener);
    if (!beats.size) {
      clearInterval(timer);
      timer = 0;
    }
  };
}

/** The time, again each second. */
export const useNow = () => useSyncExternalStore(onBeat, () => beat);

/** A time: when it was (clock), or how long ago. Its title has all of it. */
export function Time({ at, as = "clock", precise }: { at: string; as?: "clock" | "ago"; precise?: boolean }) {
  return (
    <time dateTime={at} title={fully(at)} className={css.time}>
      {as === "ago" ? <Ago at={at} /> : clock(at, undefined, precise)}
    </time>
  );
}

function Ago({ at }: { at: string }) {
  return ago(at, useNow());
}

/** Copies a text, and says so. */
export function Copy({ text, label = "Copy" }: { text: string | (() => string); label?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const t = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(t);
  }, [done]);
  const copy = async () => {
    const value = typeof text === "function" ? text() : text;
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      // Not on HTTPS or loopback: the old way.
      const area = document.body.appendChild(document.createElement("textarea"));
      area.value = value;
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    setDone(true);
  };
  return (
    <>
      <Button kind="quiet" size="small" icon={done ? Tick : CopyIcon} aria-label={label} onClick={() => void copy()} />
      <span className="unseen" role="status">
        {done ? "Copied" : ""}
      </span>
    </>
  );
}

/** An id: in type that tells 0 from O, cut in the middle where there is no room, and to be copied. */
export function Id({ children, copy = true }: { children: string; copy?: boolean }) {
  return (
    <span className={css.id}>
      <code className="truncate" title={children}>
        {children}
      </code>
      {copy && <Copy text={children} label={`Copy ${children}`} />}
    </span>
  );
}

/** A figure with its name; href leads to what it counts. */
export function Sparkline({ good, bad, label }: { good: number[]; bad: number[]; label: string }) {
  const most = Math.max(1, ...good.map((g, i) => g + (bad[i] ?? 0)));
  const width = 100 / Math.max(1, good.length);
  return (
    <svg className={css.spark} viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label={label}>
      <line x1="0" x2="100" y1="23.5" y2="23.5" className={css.ground} />
      {good.map((g, i) => {
        const b = bad[i] ?? 0;
        const hb = (b / most) * 23;
        const hg = (g / most) * 23;
        return (
          <g key={i}>
            {g > 0 && (
              <rect x={i * width + width * 0.12} width={width * 0.76} y={23.5 - hg - hb} height={Math.max(hg, 1)} className={css.good} />
            )}
            {b > 0 && (
              <rect x={i * width + width * 0.12} width={width * 0.76} y={23.5 - hb} height={Math.max(hb, 1.5)} className={css.ill} />
            )}
          </g>
        );
      })}
    </svg>
  );
}
