// Says which scope a form needs, before it is filled in.

import { Failure } from "../core/api";
import { Failed } from "./states";

export function Forbidden({ what = "This form" }: { what?: string }) {
  return <Failed failure={new Failure("forbidden", "It needs the scope \"admin\".")} retry={() => undefined} what={what} />;
}
