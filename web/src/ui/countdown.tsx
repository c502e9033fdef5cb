// A moment to come, counted down.

import { useStore } from "../core/store";
import { exact, now } from "../core/time";

const two = (number: number) => String(number).padStart(2, "0");

/** "in 12 s", "in 4:09 min", "in 1:30 h". */
export function Countdown({ at }: { at: string }) {
  const seconds = Math.ceil((new Date(at).getTime() - useStore(now)) / 1000);
  const words =
    seconds <= 0 ? "any moment"
    : seconds < 60 ? `in ${seconds} s`
    : seconds < 3600 ? `in ${Math.floor(seconds / 60)}:${two(seconds % 60)} min`
    : seconds < 172_800 ? `in ${Math.floor(seconds / 3600)}:${two(Math.floor((seconds % 3600) / 60))} h`
    : `in ${Math.floor(seconds / 86_400)} days`;
  return <time class="num" dateTime={new Date(at).toISOString()} title={exact(at)}>{words}</time>;
}
