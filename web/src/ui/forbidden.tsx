// Says which scope a form needs, before it is filled in.

import { Failure } from "../core/api";
import { may } from "../core/session";
import { Failed } from "./states";

/** The reason for which this session may not change what is set up; undefined if it may. */
export const notAdmin = (): string | undefined => (may("admin") ? undefined : "This needs the scope admin.");

export function Forbidden({ what = "This form" }: { what?: string }) {
  return <Failed failure={new Failure("forbidden", "It needs the scope \"admin\".")} retry={() => undefined} what={what} />;
}
