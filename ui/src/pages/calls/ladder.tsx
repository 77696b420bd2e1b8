import {
  ArrowLeftRight,
  CircleParking,
  Hash,
  Phone,
  PhoneIncoming,
  Smartphone,
  Users,
  UsersRound,
  Voicemail,
  type LucideIcon,
} from "lucide-react";
import { Fragment, memo } from "react";
import { span } from "../../words/time";
import css from "./ladder.module.css";
import { EventRow } from "./moment";
import type { Lane, LaneKind } from "./lanes";
import type { Moment, Story } from "./story";

const icons: Record<LaneKind, LucideIcon> = {
  caller: PhoneIncoming,
  number: Hash,
  ring_group: UsersRound,
  queue: Users,
  extension: Phone,
  external: Smartphone,
  conference: ArrowLeftRight,
  parking: CircleParking,
  voicemail: Voicemail,
  others: Phone,
};

const kindWords: Record<LaneKind, string> = {
  caller: "Caller",
  number: "Number",
  ring_group: "Ring group",
  queue: "Queue",
  extension: "Extension",
  external: "Outside phone",
  conference: "Conference",
  parking: "Parking",
  voicemail: "Voicemail",
  others: "Phones",
};

/** A pause shorter than this is no pause. */
const pause = 1500;

interface LadderProps {
  story: Story;
  /** Which events are shown; all are drawn where none is left out. */
  shown: (m: Moment) => boolean;
  open: boolean;
  opened: string;
  onOpen(event: string): void;
  onAttempt(attempt: string): void;
}

/** A call as a ladder: a lane for each who takes part, time going down. On a narrow screen it is a list along one line. */
export function Ladder({ story, shown, open, opened, onOpen, onAttempt }: LadderProps) {
  const { lanes } = story;
  const moments = story.moments.filter(shown);
  const style = { "--lanes": lanes.length } as React.CSSProperties;
  const last = moments.at(-1);
  return (
    <div className={css.ladder} style={style} data-many={lanes.length > 6 || undefined}>
      <div className={css.head} aria-hidden>
        <span className={css.when}>Time</span>
        {lanes.map((lane, i) => (
          <LaneHead key={lane.id} lane={lane} at={i} />
        ))}
        <span className={css.what}>What happened, and who was told</span>
      </div>
      <ol className={css.rows} aria-label="Events of the call, the first first">
        {moments.map((m, i) => {
          const before = moments[i - 1];
          const gap = before ? m.time - before.time : 0;
          return (
            <Fragment key={m.event.id}>
              {before && gap >= pause && <Gap lanes={lanes} ms={gap} doing={before.doing} />}
              <Row
                moment={m}
                before={before}
                lanes={lanes}
                first={moments[0]?.time ?? 0}
                opened={opened === m.event.id}
                onOpen={onOpen}
                onAttempt={onAttempt}
              />
            </Fragment>
          );
        })}
      </ol>
      {open && last && (
        <div className={css.live} role="presentation">
          <span className={css.when} />
          {lanes.map((lane, i) => (
            <span key={lane.id} className={css.cell} style={{ gridColumn: i + 2 }}>
              <span className={css.bar} data-doing={last.doing[lane.id]} />
            </span>
          ))}
          <span className={css.what}>
            <span className={css.pulse} aria-hidden /> The call goes on
          </span>
        </div>
      )}
    </div>
  );
}

function LaneHead({ lane, at }: { lane: Lane; at: number }) {
  const Icon = icons[lane.kind];
  return (
    <span
      className={css.lane}
      style={{ gridColumn: at + 2 }}
      title={`${kindWords[lane.kind]}: ${lane.name}${lane.number ? `, ${lane.number}` : ""}`}
    >
      <span className={css.icon} data-kind={lane.kind}>
        <Icon size={15} aria-hidden />
      </span>
      <bdi className={css.name}>{lane.name}</bdi>
      <small className={css.number}>{lane.number || kindWords[lane.kind]}</small>
    </span>
  );
}

/** A time in which nothing happened: drawn shorter than it was, and named. */
function Gap({ lanes, ms, doing }: { lanes: Lane[]; ms: number; doing: Moment["doing"] }) {
  const height = Math.min(44, 10 + Math.log2(ms / 1000 + 1) * 6);
  return (
    <li className={css.gap} style={{ "--height": `${Math.round(height)}px` } as React.CSSProperties}>
      <span className={css.when}>
        <span className="unseen">Then nothing for </span>
        {span(ms)}
      </span>
      {lanes.map((lane, i) => (
        <span key={lane.id} className={css.cell} style={{ gridColumn: i + 2 }} aria-hidden>
          <span className={css.bar} data-doing={doing[lane.id]} data-gap={ms >= 20_000 || undefined} />
        </span>
      ))}
    </li>
  );
}

interface RowProps {
  moment: Moment;
  before?: Moment;
  lanes: Lane[];
  first: number;
  opened: boolean;
  onOpen(event: string): void;
  onAttempt(attempt: string): void;
}

const Row = memo(function Row({ moment: m, before, lanes, first, opened, onOpen, onAttempt }: RowProps) {
  const at = lanes.findIndex((l) => l.id === m.at);
  const to = m.to ? lanes.findIndex((l) => l.id === m.to) : -1;
  return (
    <li className={css.row} data-end={m.end || undefined} data-opened={opened || undefined}>
      <span className={css.when}>
        <time dateTime={m.event.occurred_at} title={new Date(m.time).toLocaleString()}>
          {stamp(m.time)}
        </time>
        <small>{m.time > first ? `+${span(m.time - first)}` : "begins"}</small>
      </span>
      {lanes.map((lane, i) => (
        <span key={lane.id} className={css.cell} style={{ gridColumn: i + 2 }} aria-hidden>
          <span className={css.upper} data-doing={before?.doing[lane.id]} />
          <span className={css.lower} data-doing={m.doing[lane.id]} />
        </span>
      ))}
      {to >= 0 && at >= 0 && to !== at && (
        <span
          className={css.arrow}
          data-back={to < at || undefined}
          style={
            { gridColumn: `${Math.min(at, to) + 2} / ${Math.max(at, to) + 3}`, "--across": Math.abs(to - at) + 1 } as React.CSSProperties
          }
          aria-hidden
        />
      )}
      {at >= 0 && <span className={css.dot} data-end={m.end || undefined} style={{ gridColumn: at + 2 }} aria-hidden />}
      <div className={css.what}>
        <EventRow moment={m} opened={opened} onOpen={onOpen} onAttempt={onAttempt} />
      </div>
    </li>
  );
});

const stamp = (t: number) => {
  const d = new Date(t);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
};
