// Lines over time, drawn as SVG, which takes its colours from the theme. A stretch that is drawn over leads to its events.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
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

/** Height of a chart and the space around its lines, in pixels. */
const HEIGHT = 200;
const ROOM = { left: 58, right: 10, top: 8, bottom: 24 };

/** Writes a moment below the axis: the time of day, or the day where it begins. */
function tick(moment: number, long: boolean): string {
  const text = exact(moment);
  const time = clock(moment).slice(0, 5);
  return long && time === "00:00" ? text.slice(5, 10) : time;
}

/** Whole numbers up to `most` at which lines are drawn: 1, 2 or 5 times a power of ten apart, five at most. */
function steps(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(Math.max(most / 4, 1)));
  const apart = [1, 2, 5, 10].map((times) => times * power).find((one) => most / one <= 5) ?? power;
  return Array.from({ length: Math.floor(most / apart) + 1 }, (_, n) => n * apart);
}

/** The vertical axis: its lines, and where a value lies between 0 (below) and 1. */
function scaleOf(lines: Line[], log: boolean): { marks: number[]; at: (value: number) => number } {
  const values = lines.flatMap((line) => line.values).filter((value) => value !== null);
  if (!log) {
    const most = Math.max(4, ...values) * 1.08;
    return { marks: steps(most), at: (value) => value / most };
  }
  const low = Math.floor(Math.log10(Math.max(1, Math.min(...values, 100))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(100, ...values))));
  const marks = Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n));
  return { marks, at: (value) => (Math.log10(Math.max(value, 1)) - low) / (high - low) };
}

/** A path through the values from `first` to `last`; a step without a value interrupts it. */
function pathOf(values: (number | null)[], first: number, last: number, x: (n: number) => number, y: (value: number) => number): string {
  let path = "";
  for (let n = first; n <= last; n += 1) {
    const value = values[n];
    if (value === null || value === undefined) continue;
    const begins = n === first || values[n - 1] === null;
    path += `${begins ? "M" : "L"}${x(n).toFixed(1)} ${y(value).toFixed(1)}`;
    // A value alone is a short stroke.
    if (begins && (n === last || values[n + 1] === null)) path += "m-2 0h4";
  }
  return path;
}

function Chart({ title, words, stats, lines, write, said, log = false }: ChartProps & { title: string; lines: Line[]; write: (value: number | null | undefined) => string; said: string; log?: boolean }) {
  useStore(zone);
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  // The step below the pointer, and where a stretch began that is drawn over.
  const [over, setOver] = useState<number | null>(null);
  const [from, setFrom] = useState<number | null>(null);
  const long = Date.parse(stats.until) - Date.parse(stats.since) > 90_000_000;
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);

  const last = stats.times.length - 1;
  const inner = Math.max(1, width - ROOM.left - ROOM.right);
  const { marks, at } = scaleOf(lines, log);
  const x = (n: number) => ROOM.left + (last > 0 ? n / last : 0.5) * inner;
  const y = (value: number) => HEIGHT - ROOM.bottom - at(value) * (HEIGHT - ROOM.top - ROOM.bottom);
  const every = Math.max(1, Math.ceil((last + 1) / Math.max(2, Math.floor(inner / 84))));
  const stepAt = (event: PointerEvent) => {
    const left = event.clientX - (box.current?.getBoundingClientRect().left ?? 0) - ROOM.left;
    return Math.max(0, Math.min(last, Math.round((left / inner) * last)));
  };
  const momentOf = (n: number) => stats.times[n] ?? stats.until;
  const read = over === null ? undefined : stats.times[over];

  const rows = stats.times.map((time, n) => ({ time, until: stats.times[n + 1] ?? stats.until, values: lines.map((line) => line.values[n]) })).filter((row) => row.values.some(Boolean)).reverse();
  return (
    <div class="chart card">
      <Section title={title}>
        <p class="legend">
          <span class="faint num legend-time">{read && exact(read).slice(0, 16)}</span>
          {lines.map((line) => (
            <span key={line.name} class="legend-line">
              <svg width="22" height="8" viewBox="0 0 22 8" aria-hidden="true"><path d="M1 4h20" fill="none" stroke={`var(${line.colour})`} stroke-width="2" stroke-dasharray={line.dash.join(" ")} /></svg>
              {line.name} <strong class="num">{over !== null && write(line.values[over])}</strong>
            </span>
          ))}
        </p>
        <div ref={box} class="chart-lines">
          <svg width={width} height={HEIGHT} role="img" aria-label={`${title} of ${words}: ${said}`}
            onPointerMove={(event) => setOver(stepAt(event))}
            onPointerLeave={() => {
              setOver(null);
              setFrom(null);
            }}
            onPointerDown={(event) => setFrom(stepAt(event))}
            onPointerUp={(event) => {
              const to = stepAt(event);
              setFrom(null);
              if (from === null || from === to) return;
              go(`/events?since=${momentOf(Math.min(from, to))}&until=${momentOf(Math.max(from, to))}`);
            }}>
            {marks.map((mark) => (
              <g key={mark}>
                <path class="chart-mark" d={`M${ROOM.left} ${Math.round(y(mark)) + 0.5}h${inner}`} />
                <text class="chart-text" x={ROOM.left - 8} y={y(mark) + 4} text-anchor="end">{write(mark)}</text>
              </g>
            ))}
            {stats.times.map((time, n) => n % every === 0 && x(n) < width - 30 && (
              <text key={time} class="chart-text" x={x(n)} y={HEIGHT - 6} text-anchor={n === 0 ? "start" : "middle"}>{tick(Date.parse(time), long)}</text>
            ))}
            {from !== null && over !== null && <rect class="chart-stretch" x={Math.min(x(from), x(over))} y={ROOM.top} width={Math.abs(x(over) - x(from))} height={HEIGHT - ROOM.top - ROOM.bottom} />}
            {over !== null && <path class="chart-cursor" d={`M${x(over)} ${ROOM.top}V${HEIGHT - ROOM.bottom}`} />}
            {lines.map((line) => (
              <g key={line.name} class="chart-line" stroke={`var(${line.colour})`} stroke-dasharray={line.dash.join(" ") || undefined}>
                <path d={pathOf(line.values, 0, Math.max(0, last - 1), x, y)} />
                {/* The last step is still being counted: what leads to it is drawn faintly. */}
                <path d={pathOf(line.values, Math.max(0, last - 1), last, x, y)} opacity="0.6" />
                {over !== null && line.values[over] !== null && <circle cx={x(over)} cy={y(line.values[over] ?? 0)} r="3.5" fill={`var(${line.colour})`} stroke="none" />}
              </g>
            ))}
          </svg>
        </div>
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
