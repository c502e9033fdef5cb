// Says which scope a form needs, before it is filled in.

import { Failure } from "../core/api";
import { portal } from "../core/router";
import { type Capability, may } from "../core/session";
import { Failed } from "./states";

/** The reason for which this session may not change what is set up; undefined if it may. */
export const notAdmin = (capability?: Capability): string | undefined =>
  may("admin", capability) ? undefined : portal ? "This portal may not do this." : "This needs the scope admin.";

export function Forbidden({ what = "This form" }: { what?: string }) {
  return <Failed failure={new Failure("forbidden", portal ? "This portal may only look." : "It needs the scope \"admin\".")} retry={() => undefined} what={what} />;
}
