import { ArrowUpToLine, Eraser, Pause, Play, Radio } from "lucide-react";
import { memo, useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link } from "wouter";
import type { Problem, Schemas } from "../../api/client";
import { given, useFilters } from "../../api/lists";
import { follow, type StreamState } from "../../api/stream";
import { Badge, State, Status, TypeName } from "../../parts/bits";
import { Button } from "../../parts/button";
import { SearchInput, Segments, Select } from "../../parts/field";
import { Card, Empty, Failure, Page } from "../../parts/page";
import { useAccount } from "../../shell/session";
import { count, phone } from "../../words/text";
import { clock, span } from "../../words/time";
import { Ring } from "./ring";
import css from "./live.module.css";

type Event = Schemas["Event"];
type Attempt = Schemas["Attempt"];

const height = { normal: 34, narrow: 56 }; // of a row, in pixels
const spare = 10; // rows that are made beyond those in sight

/** What happens, as it happens: events as they are accepted, or attempts as they end. */
export default function Live() {
  const [account] = useAccount();
  const [f, set] = useFilters("show", "type", "number", "dialect", "outcome");
  const attempts = f.show === "attempts";
  const query = new URLSearchParams(
    given({
      backlog: "100",
      account_id: account ?? "",
      type: f.type,
      number: f.number,
      ...(attempts && { dialect: f.dialect, outcome: f.outcome }),
    }) as Record<string, string>,
  ).toString();
  const filtered = Boolean(f.type || f.number || f.dialect || f.outcome);
  const { ring, state, problem, paused, setPaused } = useStream<Event | Attempt>(`/v1/${attempts ? "attempts" : "events"}/stream?${query}`);
  return (
    <Page
      title="Live"
      lead="Events as they are accepted, and deliveries as they are tried."
      beside={<State of={paused ? "paused" : state} tone={paused ? "warn" : state === "live" ? "ok" : "info"} />}
      actions={
        <>
          <Button icon={paused ? Play : Pause} onClick={() => setPaused(!paused)} aria-pressed={paused}>
            {paused ? "Go on" : "Pause"}
          </Button>
          <Button kind="quiet" icon={Eraser} onClick={() => ring.clear()}>
            Clear
          </Button>
        </>
      }
    >
      <div className={css.filters}>
        <Segments
          label="What is shown"
          value={attempts ? "attempts" : "events"}
          onChange={(show) => set({ show: show === "events" ? "" : show, dialect: "", outcome: "" })}
          options={[
            { value: "events", label: "Events" },
            { value: "attempts", label: "Deliveries" },
          ]}
        />
        <SearchInput label="Type, such as call.*" value={f.type} onSearch={(type) => set({ type })} />
        <SearchInput label="Phone number" value={f.number} onSearch={(number) => set({ number })} inputMode="tel" />
        {attempts && (
          <>
            <Select
              aria-label="Dialect"
              value={f.dialect}
              onChange={(e) => set({ dialect: e.target.value })}
              options={[{ value: "", label: "All dialects" }, "switchhook", "kazoo", "voipbin", "teli", "primevox", "template"]}
            />
            <Select
              aria-label="Outcome"
              value={f.outcome}
              onChange={(e) => set({ outcome: e.target.value })}
              options={[
                { value: "", label: "All outcomes" },
                { value: "success", label: "Taken" },
                { value: "failure", label: "Failed" },
              ]}
            />
          </>
        )}
      </div>
      {problem && <Failure error={problem} />}
      <Card flush>
        <Rows ring={ring} attempts={attempts} filtered={filtered} paused={paused} />
      </Card>
    </Page>
  );
}

/** Follows a stream into a ring of the last rows. Paused, what comes is counted and kept aside. */
function useStream<T>(path: string) {
  const [ring] = useState(() => new Ring<T>());
  const [state, setState] = useState<StreamState>("connecting");
  const [problem, setProblem] = useState<Problem>();
  const paused = useSyncExternalStore(ring.subscribe, () => ring.paused);
  useEffect(() => {
    ring.clear();
    setProblem(undefined);
    return follow<T>(path, {
      items: (items) => ring.add(items),
      state: (s, p) => {
        setState(s);
        setProblem(p);
      },
    });
  }, [path, ring]);
  const setPaused = useCallback((p: boolean) => ring.pause(p), [ring]);
  return { ring, state, problem, paused, setPaused };
}

/** The rows, the newest first; only those in sight are made. Who has scrolled down keeps his place. */
function Rows({
  ring,
  attempts,
  filtered,
  paused,
}: {
  ring: Ring<Event | Attempt>;
  attempts: boolean;
  filtered: boolean;
  paused: boolean;
}) {
  const version = useSyncExternalStore(ring.subscribe, ring.version);
  const place = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0); // what is scrolled to, in rows
  const [seen, setSeen] = useState(40); // how many rows are in sight at most
  const rowHeight = useNarrow() ? height.narrow : height.normal;
  const far = at > 3;

  useEffect(() => {
    const box = place.current;
    if (!box) return undefined;
    const look = () => setAt(Math.floor(box.scrollTop / rowHeight));
    const sizes = new ResizeObserver(() => setSeen(Math.ceil(box.clientHeight / rowHeight) + 1));
    box.addEventListener("scroll", look, { passive: true });
    sizes.observe(box);
    return () => {
      box.removeEventListener("scroll", look);
      sizes.disconnect();
    };
  }, [rowHeight]);

  // Rows come in above: who reads further down is moved along with what he reads.
  const known = useRef(0);
  useEffect(() => {
    const came = ring.total - known.current;
    known.current = ring.total;
    if (far && came > 0) place.current?.scrollBy({ top: came * rowHeight });
    // oxlint-disable-next-line react/exhaustive-deps -- only when rows have come
  }, [version]);

  const first = Math.max(0, Math.min(at - spare, ring.length - 1));
  const shown = Array.from({ length: Math.max(0, Math.min(seen + 2 * spare, ring.length - first)) }, (_, i) => first + i);
  return (
    <div className={css.frame}>
      <div className={css.counts} aria-live="off">
        <span className="tabular">{count(ring.total)} since this page was opened</span>
        {ring.aside > 0 && <Badge tone="warn">{count(ring.aside)} more while paused</Badge>}
        {ring.lost > 0 && (
          <span title={`The page keeps the last ${count(Ring.size)}.`}>the oldest {count(ring.lost)} are in the lists</span>
        )}
        {far && (
          <Button size="small" icon={ArrowUpToLine} className={css.newest} onClick={() => place.current?.scrollTo({ top: 0 })}>
            Newest
          </Button>
        )}
      </div>
      <div ref={place} className={css.rows} tabIndex={0} role="log" aria-label={attempts ? "Deliveries" : "Events"} aria-live="off">
        {ring.length === 0 ? (
          <Empty icon={Radio} title={paused ? "Paused" : "Listening"}>
            {filtered ? "Nothing that fits the filters has happened yet." : "What happens appears here at once."}
          </Empty>
        ) : (
          <div style={{ height: ring.length * rowHeight, position: "relative" }}>
            {shown.map((i) => {
              const item = ring.at(i);
              return (
                item && (
                  <div key={ring.number(i)} className={css.row} style={{ height: rowHeight, transform: `translateY(${i * rowHeight}px)` }}>
                    {"outcome" in item ? <AttemptRow a={item} /> : <EventRow e={item} />}
                  </div>
                )
              );
            })}
          </div>
        )}
      </div>
    </div>
  );
}

const narrowScreen = matchMedia("(max-width: 720px)");
function onNarrow(listener: () => void) {
  narrowScreen.addEventListener("change", listener);
  return () => narrowScreen.removeEventListener("change", listener);
}
const useNarrow = () => useSyncExternalStore(onNarrow, () => narrowScreen.matches);

const EventRow = memo(function EventRow({ e }: { e: Event }) {
  const about = parties(e.data);
  return (
    <>
      <time className={css.time}>{clock(e.accepted_at, undefined, true)}</time>
      <Link href={`/events/${encodeURIComponent(e.id)}`} className={css.type}>
        <TypeName type={e.type} />
      </Link>
      <span className={css.about} dir="auto">
        {about}
      </span>
      <span className={css.account}>{e.account_id}</span>
    </>
  );
});

const AttemptRow = memo(function AttemptRow({ a }: { a: Attempt }) {
  return (
    <>
      <time className={css.time}>{clock(a.started_at, undefined, true)}</time>
      <Link href={`/attempts/${encodeURIComponent(a.id)}`} className={css.type}>
        <TypeName type={a.event_type} />
      </Link>
      <span className={css.about}>
        <Status code={a.response?.status} error={a.error} />
        <span className={css.url}>{a.error && a.outcome === "failure" ? a.error : a.request?.url}</span>
      </span>
      <span className={css.account}>
        {a.dialect}, {a.attempt_number > 1 ? `try ${a.attempt_number}, ` : ""}
        {span(a.duration_ms)}
      </span>
    </>
  );
});

interface Party {
  address?: string;
  number?: string;
  name?: string;
}

/** Who with whom, in a line, of an event's data: whatever kind of event it is. */
function parties(data: Record<string, unknown>): string {
  const subject = (data.call ?? data.message ?? data.fax ?? data.voicemail ?? data.queuecall ?? Object.values(data)[0] ?? {}) as Record<
    string,
    unknown
  >;
  const told = (p: unknown): string => {
    if (typeof p === "string") return phone(p);
    const { name, address, number } = (p ?? {}) as Party;
    return [name, phone(address ?? number ?? "")].filter(Boolean).join(" ");
  };
  const to = Array.isArray(subject.to) ? subject.to.map(told).join(", ") : told(subject.to);
  const line = [told(subject.from), to].filter(Boolean).join(" → ");
  return line || String(subject.name ?? subject.number ?? subject.id ?? "");
}
