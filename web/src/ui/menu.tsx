// A button that opens further acts.

import { useEffect, useRef } from "preact/hooks";
import { portal } from "../core/router";
import { Icon, type IconName } from "./icons";

export interface MenuItem {
  title: string;
  icon: IconName;
  act: () => void;
  /** The reason for which it cannot be done now. */
  why?: string | undefined;
  danger?: boolean;
}

/** Opens a list of acts. It closes with Escape, outside, and after an act. */
export function MoreMenu({ label = "More", items }: { label?: string; items: MenuItem[] }) {
  const box = useRef<HTMLDetailsElement>(null);
  const offered = portal ? items.filter((item) => item.why === undefined) : items;
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
  const close = () => {
    if (box.current) box.current.open = false;
    box.current?.querySelector("summary")?.focus();
  };
  // A portal offers only what its session may do.
  if (offered.length === 0) return null;
  return (
    <details class="anchor" ref={box} onKeyDown={(event) => {
      if (event.key === "Escape") close();
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      if (!step || !box.current?.open) return;
      event.preventDefault();
      const buttons = [...box.current.querySelectorAll<HTMLElement>(".menu-item")];
      buttons[(buttons.indexOf(document.activeElement as HTMLElement) + step + buttons.length) % buttons.length]?.focus();
    }}>
      <summary class="button"><span>{label}</span><Icon name="down" size={12} /></summary>
      <div class="menu end">
        {offered.map((item) => (
          <button key={item.title} type="button" class={`menu-item ${item.danger ? "bad" : ""}`} disabled={item.why !== undefined} title={item.why}
            onClick={() => {
              close();
              item.act();
            }}>
            <Icon name={item.icon} size={14} />{item.title}
          </button>
        ))}
      </div>
    </details>
  );
}
