// Small bars over time: one for each step, what went well below and what failed on top.

import { count } from "../core/format";

export interface BarsProps {
  good: readonly number[];
  bad: readonly number[];
  /** Names of the two, in the sentence that stands for the bars. */
  names: [string, string];
  /** The time that the bars show: "the last 24 hours". */
  words: string;
  height?: number;
  /** The beginning of a step in words, for the tip of its bar. */
  step?: (place: number) => string;
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

/** The numbers of the bars as a sentence. */
export function barsSentence({ good, bad, names, words }: BarsProps): string {
  const has = [good.length ? `${count(sum(good))} ${names[0]}` : "", bad.length ? `${count(sum(bad))} ${names[1]}` : ""].filter(Boolean).join(", ");
  return `${has} in ${words}`;
}

/** Draws the bars as wide as their place. The numbers are the picture's name and each bar's tip. */
export function Bars(props: BarsProps) {
  const { good, bad, names, height = 20, step } = props;
  const steps = Math.max(good.length, bad.length, 1);
  const most = Math.max(1, ...Array.from({ length: steps }, (_, n) => (good[n] ?? 0) + (bad[n] ?? 0)));
  const width = steps * 4;
  const scale = (number: number) => (number > 0 ? Math.max((number / most) * (height - 1), 2) : 0);
  return (
    <svg class="bars" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" height={height} role="img" aria-label={barsSentence(props)}>
      {Array.from({ length: steps }, (_, n) => {
        const well = scale(good[n] ?? 0);
        const ill = scale(bad[n] ?? 0);
        return (
          <g key={n}>
            {step && (
              <rect class="bars-hit" x={n * 4} y={0} width={4} height={height}>
                <title>{`${step(n)}: ${[good.length ? `${count(good[n] ?? 0)} ${names[0]}` : "", bad.length ? `${count(bad[n] ?? 0)} ${names[1]}` : ""].filter(Boolean).join(", ")}`}</title>
              </rect>
            )}
            {well + ill === 0 && <rect class="bars-none" x={n * 4} y={height - 1} width={3} height={1} />}
            {well > 0 && <rect class="bars-good" x={n * 4} y={height - well} width={3} height={well} />}
            {ill > 0 && <rect class="bars-bad" x={n * 4} y={Math.max(height - well - ill, 0)} width={3} height={ill} />}
          </g>
        );
      })}
    </svg>
  );
}
