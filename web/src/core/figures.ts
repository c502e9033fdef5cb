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
