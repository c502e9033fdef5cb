// The link that leads to a form, for those who may send it.

import { Button } from "./basics";
import { notAdmin } from "./forbidden";
import { Icon } from "./icons";

export function NewLink({ href, title }: { href: string; title: string }) {
  const why = notAdmin();
  if (why) return <Button icon="plus" disabled title={why}>{title}</Button>;
  return <a class="button primary" href={href}><Icon name="plus" size={14} /><span>{title}</span></a>;
}
