import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock } from "../words/time";
import type { ChartProps } from "./chart";
import css from "./chart.module.css";

/** Draws a Chart with uPlot, anew when the data, the size or the theme change. */
export default function Plot({ times, series, format = String, height = 200 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const parent = place.current;
    if (!parent) return undefined;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(parent, times, series, format, height), data(times, series), parent);
    };
    draw();
    const sizes = new ResizeObserver(
      () => plot && parent.clientWidth !== plot.width && plot.setSize({ width: parent.clientWidth, height }),
    );
    sizes.observe(parent);
    const themes = new MutationObserver(draw);
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      sizes.disconnect();
      themes.disconnect();
      plot?.destroy();
    };
  }, [times, series, format, height]);

  return <div ref={place} />;
}

/** Stacks the bars: each stands on those before it. The last is drawn first, and covered by what it stands on. */
function data(times: number[], series: ChartProps["series"]): uPlot.AlignedData {
  const sum = times.map(() => 0);
  const columns = series.map((s) => (s.as === "bars" ? s.values.map((v, i) => (sum[i] = (sum[i] ?? 0) + (v ?? 0))) : s.values));
  return [times, ...columns.toReversed()] as uPlot.AlignedData;
}

function options(
  parent: HTMLElement,
  times: number[],
  series: ChartProps["series"],
  format: (v: number) => string,
  height: number,
): uPlot.Options {
  // A canvas knows no variables of CSS, and not each knows OKLCH: the browser resolves both.
  const probe = parent.appendChild(document.createElement("i"));
  const colour = (css: string) => {
    probe.style.color = css;
    return getComputedStyle(probe).color;
  };
  const ink = colour("var(--ink-3)");
  const line = colour("var(--line)");
  const bars = uPlot.paths.bars?.({ size: [0.72, 40], align: 1 });
  const step = times.length > 1 ? (times[1] ?? 0) - (times[0] ?? 0) : 60;
  const axis = { stroke: ink, font: "12px Inter", ticks: { show: false }, grid: { stroke: line, width: 1 } };
  const made: uPlot.Options = {
    width: parent.clientWidth,
    height,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: (_u, from, to) => [from, to + step] }, y: { range: (_u, _from, to) => [0, Math.max(to * 1.1, 1)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 30, space: 70, values: "{HH}:{mm}" },
      { ...axis, size: 56, space: 36, values: (_u, splits) => splits.map((v) => format(v)) },
    ],
    series: [
      {},
      ...series.toReversed().map((s) => {
        const c = colour(s.colour);
        return s.as === "bars"
          ? { stroke: c, fill: c, width: 0, paths: bars, points: { show: false } }
          : { stroke: c, width: 2, points: { show: false }, spanGaps: true };
      }),
    ],
    plugins: [tips(times, series, format)],
  };
  if (step >= 6 * 3600) (made.axes as uPlot.Axis[])[0]!.values = "{MMM} {D}";
  probe.remove();
  return made;
}

/** What the values are where the pointer is. */
function tips(times: number[], series: ChartProps["series"], format: (v: number) => string): uPlot.Plugin {
  const tip = document.createElement("div");
  tip.className = css.tip ?? "";
  tip.hidden = true;
  return {
    hooks: {
      init: (u) => void u.over.append(tip),
      setCursor: (u) => {
        const i = u.cursor.idx;
        tip.hidden = i === null || i === undefined || (u.cursor.left ?? -1) < 0;
        if (tip.hidden || i === null || i === undefined) return;
        const rows = series.map((s) => `${s.label}: ${s.values[i] === null || s.values[i] === undefined ? "—" : format(s.values[i])}`);
        tip.replaceChildren(
          ...[clock((times[i] ?? 0) * 1000), ...rows].map((text) => Object.assign(document.createElement("div"), { textContent: text })),
        );
        const left = u.cursor.left ?? 0;
        const width = tip.offsetWidth;
        tip.style.left = (left + width + 20 > u.over.clientWidth ? left - width - 12 : left + 12) + "px";
        tip.style.top = "4px";
      },
    },
  };
}
