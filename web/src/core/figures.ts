// Figures of a time, added up.

import type { Stats } from "./types";

/** A range that can be chosen: its length, and the length of its steps. */
export const RANGES = [
  { value: "1h", title: "1 h", words: "the last hour", step: "1m", length: 3_600_000 },
  { value: "24h", title: "24 h", words: "the last 24 hours", step: "15m", length: 86_400_000 },
  { value: "7d", title: "7 days", words: "the last 7 days", step: "1h", length: 604_800_000 },
] as const;

export type Range = (typeof RANGES)[number];

export const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** Failed attempts of each step, over all classes. */
export function failures(stats: Stats): number[] {
  const classes = Object.values(stats.series.failed as Record<string, number[]>);
  return stats.times.map((_, n) => sum(classes.map((one) => one[n] ?? 0)));
}

/**
 * The percentile of a step in the middle, where each step weighs what it delivered. The percentile of the whole time
 * cannot be had from those of its steps. Null if nothing was delivered.
 */
export function typical(values: (number | null)[], weights: number[]): number | null {
  const steps = values
    .flatMap((value, n) => (value === null || value === undefined ? [] : [[value, Math.max(weights[n] ?? 0, 1)] as const]))
    .sort((one, other) => one[0] - other[0]);
  let left = sum(steps.map((step) => step[1])) / 2;
  for (const [value, weight] of steps) {
    left -= weight;
    if (left <= 0) return value;
  }
  return null;
}
