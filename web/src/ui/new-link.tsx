// The link that leads to a form, for those who may send it.

import { may } from "../core/session";
import { Button } from "./basics";
import { Icon } from "./icons";

export function NewLink({ href, title }: { href: string; title: string }) {
  if (!may("admin")) return <Button icon="plus" disabled title={"This needs the scope admin."}>{title}</Button>;
  return <a class="button primary" href={href}><Icon name="plus" size={14} /><span>{title}</span></a>;
}
