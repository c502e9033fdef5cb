// A retry policy as sentences.

import { plural } from "./format";

const WORDS = ["", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven"];

/** Seconds in one or two units: "5 s", "5 min", "1 h 30 min", "3 days". */
export function seconds(number: number): string {
  const units: [number, (has: number) => string][] = [[86_400, (has) => plural(has, "day")], [3600, (has) => `${has} h`], [60, (has) => `${has} min`], [1, (has) => `${has} s`]];
  const parts: string[] = [];
  let left = Math.round(number);
  for (const [size, said] of units) {
    const has = Math.floor(left / size);
    if (!has || parts.length === 2) continue;
    parts.push(said(has));
    left -= has * size;
  }
  return parts.join(" ") || "0 s";
}

export interface Policy {
  delays: number[];
  max_retries: number;
  timeout_seconds: number;
  breaker: { threshold: number; recovery_seconds: number };
  rate_limit: number | null;
  ordering: string | null;
}

/** The waits before each retry, in seconds: the last delay repeats. */
export function waits(policy: Pick<Policy, "delays" | "max_retries">): number[] {
  return Array.from({ length: policy.max_retries }, (_, n) => policy.delays[Math.min(n, policy.delays.length - 1)] ?? 0);
}

/** "Ten tries over 3 days: at once, then after 5 s, 5 min, …" */
export function policySentence(policy: Pick<Policy, "delays" | "max_retries">): string {
  const all = waits(policy);
  const tries = all.length + 1;
  if (tries === 1) return "One try, and no retry.";
  const whole = all.reduce((sum, one) => sum + one, 0);
  return `${WORDS[tries] ?? tries} tries over ${seconds(whole)}: at once, then after ${all.map(seconds).join(", ")}.`;
}

/** What else bounds the calls of an endpoint. */
export function boundsSentences(policy: Policy): string[] {
  const said = [`A try may take ${seconds(policy.timeout_seconds)}.`];
  said.push(`After ${plural(policy.breaker.threshold, "failure")} in a row, nothing is sent for ${seconds(policy.breaker.recovery_seconds)}.`);
  if (policy.rate_limit) said.push(`At most ${plural(policy.rate_limit, "request")} per second.`);
  if (policy.ordering) said.push(`One after the other, by ${policy.ordering}.`);
  return said;
}
