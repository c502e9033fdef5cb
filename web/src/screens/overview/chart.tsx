// Lines over time, drawn by uPlot. This file is a chunk of its own, fetched after the figures are painted.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { failures, sum } from "../../core/figures";
import { count } from "../../core/format";
import { go } from "../../core/router";
import { useStore } from "../../core/store";
import { clock, exact, took, zone } from "../../core/time";
import type { Stats } from "../../core/types";
import { Section } from "../../ui/basics";

export interface ChartProps {
  stats: Stats;
  words: string;
}

interface Line {
  name: string;
  /** A variable of the style. */
  colour: string;
  /** Lengths of strokes and gaps, so that lines are told apart without colours. */
  dash: number[];
  values: (number | null)[];
}

export function Charts({ stats, words }: ChartProps) {
  const { series, first_attempt_ms: first, delivered_ms: arrived } = stats;
  const failed = failures(stats);
  return (
    <div class="charts">
      <Chart title="Events" words={words} stats={stats} write={count}
        lines={[
          { name: "Received", colour: "--info", dash: [], values: series.received },
          { name: "Delivered", colour: "--good", dash: [7, 3], values: series.delivered },
          { name: "Failed attempts", colour: "--bad", dash: [2, 3], values: failed },
        ]}
        said={`${count(sum(series.received))} received, ${count(sum(series.delivered))} delivered, ${count(sum(failed))} attempts failed`} />
      <Chart title="Time to delivery" words={words} stats={stats} write={took} log
        lines={[
          { name: "p50", colour: "--info", dash: [], values: arrived.p50 },
          { name: "p95", colour: "--warn", dash: [7, 3], values: arrived.p95 },
          { name: "First attempt, p95", colour: "--idle", dash: [2, 3], values: first.p95 },
        ]}
        said="percentiles of each step, on a scale of powers of ten" />
    </div>
  );
}

const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Writes a moment below the axis: the time of day, or the day where it begins. */
function tick(seconds: number, long: boolean): string {
  const text = exact(seconds * 1000);
  const time = clock(seconds * 1000).slice(0, 5);
  return long && time === "00:00" ? text.slice(5, 10) : time;
}

function options(width: number, lines: Line[], write: (value: number) => string, log: boolean, long: boolean, hover: (at: number | null) => void): uPlot.Options {
  const font = "12px ui-sans-serif, system-ui, sans-serif";
  const axis = { stroke: () => colourOf("--soft"), font, ticks: { show: false } };
  // A line and a number at whole counts, or at powers of ten.
  const whole = (value: number | null) => value !== null && Number.isInteger(log ? Math.log10(value) : value);
  return {
    width,
    height: 200,
    legend: { show: false },
    padding: [8, 18, 0, 0],
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
    scales: {
      x: { time: true },
      y: log
        ? { distr: 3, log: 10, range: (_, least, most) => uPlot.rangeLog(Math.max(1, least ?? 10), Math.max(100, most ?? 1000), 10, true) }
        : { range: (_, __, most) => [0, Math.max(4, (most ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, size: 28, space: 64, grid: { show: false }, values: (_, moments) => moments.map((moment) => tick(moment, long)) },
      {
        ...axis, size: 54, space: 36, grid: { stroke: () => colourOf("--line"), width: 1, filter: (_, values) => values.map((value) => (whole(value) ? value : null)) },
        values: (_, values) => values.map((value) => (whole(value) ? write(value) : "")),
      },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => ({ stroke: () => colourOf(line.colour), width: 1.75, dash: line.dash, points: { size: 5, width: 1, fill: () => colourOf(line.colour) } })),
      // The last step is still being counted: what leads to it is drawn faintly.
      ...lines.map((line): uPlot.Series => ({ stroke: () => `${colourOf(line.colour)}66`, width: 1.75, dash: line.dash, points: { show: false } })),
    ],
    hooks: {
      setCursor: [(chart) => hover(chart.cursor.idx ?? null)],
      // A stretch that is drawn over leads to its events.
      setSelect: [(chart) => {
        if (chart.select.width < 4) return;
        const at = (pixels: number) => new Date(chart.posToVal(pixels, "x") * 1000).toISOString();
        go(`/events?since=${at(chart.select.left)}&until=${at(chart.select.left + chart.select.width)}`);
      }],
    },
  };
}

function data(times: string[], lines: Line[]): uPlot.AlignedData {
  const last = times.length - 1;
  return [
    times.map((time) => Date.parse(time) / 1000),
    ...lines.map((line) => line.values.map((value, n) => (n === last && last > 0 ? null : value))),
    ...lines.map((line) => line.values.map((value, n) => (n >= last - 1 ? value : null))),
  ] as uPlot.AlignedData;
}

function Chart({ title, words, stats, lines, write, said, log = false }: ChartProps & { title: string; lines: Line[]; write: (value: number | null | undefined) => string; said: string; log?: boolean }) {
  const written = useStore(zone);
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const read = useRef<HTMLParagraphElement>(null);
  const current = useRef({ lines, stats });
  current.current = { lines, stats };
  const long = Date.parse(stats.until) - Date.parse(stats.since) > 90_000_000;

  // What is below the pointer is written into the legend, without drawing the component again.
  const hover = (at: number | null) => {
    const { lines, stats } = current.current;
    const place = read.current;
    if (!place) return;
    const time = at === null ? undefined : stats.times[at];
    place.firstElementChild!.textContent = time ? exact(time).slice(0, 16) : "";
    lines.forEach((line, n) => {
      place.children[n + 1]!.lastElementChild!.textContent = at === null ? "" : write(line.values[at]);
    });
  };

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const { lines, stats } = current.current;
    const made = new uPlot(options(element.clientWidth, lines, write, log, long, hover), data(stats.times, lines), element);
    chart.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: 200 }));
    resized.observe(element);
    const painted = () => made.redraw(false);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", painted);
    const chosen = new MutationObserver(painted);
    chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      resized.disconnect();
      chosen.disconnect();
      dark.removeEventListener("change", painted);
      made.destroy();
    };
  }, [written, long]);
  useEffect(() => {
    chart.current?.setData(data(stats.times, lines));
  }, [stats]);

  const rows = stats.times.map((time, n) => ({ time, until: stats.times[n + 1] ?? stats.until, values: lines.map((line) => line.values[n]) })).filter((row) => row.values.some(Boolean)).reverse();
  return (
    <div class="chart card">
      <Section title={title}>
        <p class="legend" ref={read}>
          <span class="faint num legend-time" />
          {lines.map((line) => (
            <span key={line.name} class="legend-line">
              <svg width="22" height="8" viewBox="0 0 22 8" aria-hidden="true"><path d="M1 4h20" fill="none" stroke={`var(${line.colour})`} stroke-width="2" stroke-dasharray={line.dash.join(" ")} /></svg>
              {line.name} <strong class="num" />
            </span>
          ))}
        </p>
        <div ref={box} class="chart-lines" role="img" aria-label={`${title} of ${words}: ${said}`} />
        <details class="chart-table">
          <summary>Numbers as a table</summary>
          <div class="scroll" tabIndex={0} role="region" aria-label={`${title}, as a table`}>
            <table>
              <thead><tr><th scope="col">From</th>{lines.map((line) => <th scope="col" key={line.name}>{line.name}</th>)}</tr></thead>
              <tbody>
                {rows.map((row) => (
                  <tr key={row.time}>
                    <th scope="row"><a href={`/events?since=${row.time}&until=${row.until}`}>{exact(row.time).slice(0, 16)}</a></th>
                    {row.values.map((value, n) => <td key={n}>{write(value)}</td>)}
                  </tr>
                ))}
                {rows.length === 0 && <tr><td colSpan={lines.length + 1}>Nothing happened in {words}.</td></tr>}
              </tbody>
            </table>
          </div>
        </details>
      </Section>
    </div>
  );
}
