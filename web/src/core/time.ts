// Moments and durations as people read them.

import { Store, kept } from "./store";

/** "local" or "utc": how moments are written. */
export const zone = kept("relay.zone", "local");

/** The present, moved on each second while the page is seen. */
export const now = new Store(Date.now());
setInterval(() => {
  if (!document.hidden) now.set(Date.now());
}, 1000);
document.addEventListener("visibilitychange", () => now.set(Date.now()));

const two = (number: number) => String(number).padStart(2, "0");

/** A moment to the second: "2026-11-27 12:03:22". */
export function exact(moment: string | number | Date): string {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return String(moment);
  if (zone.value === "utc") return date.toISOString().slice(0, 19).replace("T", " ") + " UTC";
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clock(date)}`;
}

/** The time of day, to the second. */
export function clock(moment: string | number | Date): string {
  const date = new Date(moment);
  if (zone.value === "utc") return date.toISOString().slice(11, 19);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A duration in its largest unit: "3 s", "12 min", "5 h", "3 days". */
export function span(milliseconds: number): string {
  const seconds = Math.abs(milliseconds) / 1000;
  if (seconds < 1) return `${Math.round(Math.abs(milliseconds))} ms`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

/** A moment from here: "12 s ago", "in 5 min". */
export function relative(moment: string | number | Date, at = now.value): string {
  const distance = new Date(moment).getTime() - at;
  if (Number.isNaN(distance)) return String(moment);
  if (Math.abs(distance) < 1000) return "now";
  return distance < 0 ? `${span(distance)} ago` : `in ${span(distance)}`;
}

/** Milliseconds of a call: "87 ms", "1.2 s", "45 s". */
export function took(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 10_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return span(milliseconds);
}
