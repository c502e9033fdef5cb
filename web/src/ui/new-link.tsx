// The link that leads to a form, for those who may send it.

import { portal } from "../core/router";
import type { Capability } from "../core/session";
import { Button } from "./basics";
import { notAdmin } from "./forbidden";
import { Icon } from "./icons";

export function NewLink({ href, title, capability }: { href: string; title: string; capability?: Capability }) {
  const why = notAdmin(capability);
  if (why && portal) return null;
  if (why) return <Button icon="plus" disabled title={why}>{title}</Button>;
  return <a class="button primary" href={href}><Icon name="plus" size={14} /><span>{title}</span></a>;
}
