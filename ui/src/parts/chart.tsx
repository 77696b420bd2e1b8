import { lazy, Suspense } from "react";
import css from "./chart.module.css";

export interface Series {
  label: string;
  /** A CSS colour. */
  colour: string;
  values: (number | null)[];
  /** bars: stacked on those before. line is the default. */
  as?: "bars" | "line";
}

export interface ChartProps {
  label: string;
  /** Seconds since 1970, in equal steps. */
  times: number[];
  series: Series[];
  /** How a value is told. */
  format?(v: number): string;
  height?: number;
}

// uPlot comes with the first chart.
const Plot = lazy(() => import("./plot"));

/** A chart over time, with a table of the same for those who cannot see it. */
export function Chart(props: ChartProps) {
  const height = props.height ?? 200;
  return (
    <figure className={css.figure}>
      <div role="img" aria-label={props.label} style={{ height }}>
        <Suspense>
          <Plot {...props} height={height} />
        </Suspense>
      </div>
      <figcaption className={css.legend}>
        {props.series.map((s) => (
          <span key={s.label}>
            <i style={{ background: s.colour }} aria-hidden />
            {s.label}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
