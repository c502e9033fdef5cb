// Small parts that every screen uses: states, moments, ids, copying.

import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { count, line } from "../core/format";
import { useStore } from "../core/store";
import { exact, now, relative, span, zone } from "../core/time";
import { Icon, type IconName } from "./icons";

export type Tone = "good" | "warn" | "bad" | "idle" | "info";

/** A state: its sign, colour and word. The sign is the style's, so that a table of many rows has fewer elements. */
export function Badge({ tone, children, title }: { tone: Tone; children: ComponentChildren; title?: string }) {
  return (
    <span class={`badge ${tone}`} title={title}>{children}</span>
  );
}

/** A label without a state: an event type, a kind. */
export function Tag({ children, title }: { children: ComponentChildren; title?: string }) {
  return <span class="tag" title={title}>{children}</span>;
}

/** A moment as the distance from now; the exact moment is its title. `plain` shows the exact one. */
export function When({ at, plain = false }: { at: string | number | null | undefined; plain?: boolean }) {
  useStore(zone);
  const present = useStore(now);
  if (at === null || at === undefined) return <span class="faint">–</span>;
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span>{String(at)}</span>;
  return (
    <time dateTime={date.toISOString()} title={plain ? relative(at, present) : exact(at)}>
      {plain ? exact(at) : relative(at, present)}
    </time>
  );
}

/** How long something has been so. */
export function For({ since }: { since: string }) {
  const present = useStore(now);
  return <time class="faint" dateTime={since} title={`since ${exact(since)}`}>for {span(present - Date.parse(since))}</time>;
}

/** Text of strangers in one line: controls are written out, its end is cut and shown as its title. */
export function Text({ text, most = 300 }: { text: string; most?: number }) {
  const shown = line(text, most);
  return <bdi title={shown === text ? undefined : line(text, 2000)}>{shown}</bdi>;
}

/** An id, in the font of code; long ones are cut in the middle by the style and copied whole. */
export function Id({ id, href, copy = false }: { id: string; href?: string; copy?: boolean }) {
  const shown = <bdi class="id" title={line(id, 2000)}>{line(id, 400)}</bdi>;
  if (!href && !copy) return shown;
  return (
    <span class="id-line">
      {href ? <a href={href}>{shown}</a> : shown}
      {copy && <CopyButton text={id} what="id" />}
    </span>
  );
}

/** Copies text and says so. */
export function CopyButton({ text, what, label, kind = "" }: { text: string | (() => string | Promise<string>); what: string; label?: string; kind?: "" | "quiet" }) {
  const [done, setDone] = useState<"" | "done" | "failed">("");
  const timer = useRef(0);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : await text());
      setDone("done");
    } catch {
      setDone("failed");
    }
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setDone(""), 1500);
  };
  const words = done === "done" ? "Copied" : done === "failed" ? "Your browser did not allow it" : `Copy ${what}`;
  return (
    <button type="button" class={label ? `button ${kind}` : "ghost"} onClick={copy} aria-label={label ? undefined : words} title={words}>
      <Icon name={done === "done" ? "check" : "copy"} size={14} />
      {label && <span>{done ? words : label}</span>}
      {!label && <span class="hidden" role="status">{done ? words : ""}</span>}
    </button>
  );
}

/** A button that says what it does while it does it. */
export function Button({
  children, icon, kind = "", busy = false, ...rest
}: { children: ComponentChildren; icon?: IconName; kind?: "" | "primary" | "danger" | "quiet"; busy?: boolean } & Omit<ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "children">) {
  return (
    <button type="button" {...rest} class={`button ${kind}`} aria-busy={busy || undefined} disabled={busy || rest.disabled === true}>
      {icon && <Icon name={icon} size={14} />}
      <span>{children}</span>
    </button>
  );
}

/** A pair of name and value in a list of facts. */
/** A name and its value, which is a dash if there is none. */
export function Fact({ name, children, wide = false }: { name: string; children: ComponentChildren; wide?: boolean }) {
  return (
    <div class={wide ? "fact wide" : "fact"}>
      <dt>{name}</dt>
      <dd>{children || children === 0 ? children : <span class="faint">–</span>}</dd>
    </div>
  );
}

export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

/** A part of a screen with its heading. */
export function Section({ title, side, children, id }: { title: ComponentChildren; side?: ComponentChildren; children: ComponentChildren; id?: string }) {
  return (
    <section class="section" id={id}>
      <header class="section-head">
        <h2>{title}</h2>
        {side && <div class="side">{side}</div>}
      </header>
      {children}
    </section>
  );
}

/** The head of a screen: where it belongs, its title, what can be done. */
export function Head({ title, above, children, side }: { title: ComponentChildren; above?: { href: string; title: string }; children?: ComponentChildren; side?: ComponentChildren }) {
  return (
    <header class="head">
      {above && <a class="above" href={above.href}><Icon name="left" size={12} />{above.title}</a>}
      <div class="head-line">
        <h1 tabIndex={-1}>{title}</h1>
        {side && <div class="side">{side}</div>}
      </div>
      {children && <div class="head-more">{children}</div>}
    </header>
  );
}

/** A number with its name, which leads to the list behind it. */
export function Figure({ name, value, href, tone, note }: { name: string; value: ComponentChildren; href?: string; tone?: Tone; note?: ComponentChildren }) {
  const inside = (
    <>
      <span class="figure-name">{name}</span>
      <span class={`figure-value ${tone ?? ""}`}>{typeof value === "number" ? count(value) : value}</span>
      {note && <span class="figure-note">{note}</span>}
    </>
  );
  return href ? <a class="figure" href={href}>{inside}</a> : <div class="figure">{inside}</div>;
}

/** A bar of progress, with its numbers for those who do not see it. */
export function Progress({ done, bad = 0, whole, label }: { done: number; bad?: number; whole: number; label: string }) {
  const percent = (part: number) => (whole > 0 ? Math.min(100, (part / whole) * 100) : 0);
  return (
    <div class="progress" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={whole} aria-valuenow={Math.min(done + bad, whole)}>
      <span class="progress-good" style={{ width: `${percent(done)}%` }} />
      <span class="progress-bad" style={{ width: `${percent(bad)}%` }} />
    </div>
  );
}

/** Text that is copied to a terminal. */
export function Code({ text, what = "command" }: { text: string; what?: string }) {
  return (
    <div class="code">
      <pre tabIndex={0}>{text}</pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}
