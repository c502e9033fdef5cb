// A button that opens a menu of acts.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";

/** A menu that closes when something in it was chosen, with Escape, and when the focus goes elsewhere. */
export function More({ label, title, children }: { label: string; /** Text of the button; three points without it. */ title?: string; children: ComponentChildren }) {
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const outside = (event: Event) => {
      if (box.current?.open && !box.current.contains(event.target as Node)) box.current.open = false;
    };
    document.addEventListener("mousedown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("mousedown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, []);
  const shut = () => {
    if (!box.current) return;
    box.current.open = false;
    box.current.querySelector("summary")?.focus();
  };
  return (
    <details class="anchor more" ref={box} onKeyDown={(event) => event.key === "Escape" && shut()}>
      <summary class={title ? "button" : "ghost"} aria-label={title ? undefined : label}>
        {title ? <><span>{title}</span><Icon name="down" size={12} /></> : <Icon name="more" />}
      </summary>
      <div class="menu end" onClick={(event) => (event.target as Element).closest(".menu-item") && shut()}>{children}</div>
    </details>
  );
}
