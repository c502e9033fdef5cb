// Dialogs: the browser's own, which hold the focus and give it back.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Action } from "../core/action";
import { Button } from "./basics";
import { ActionError } from "./states";

/** A dialog that is open as long as it is drawn. */
export function Dialog({ title, close, children, wide = false }: { title: ComponentChildren; close: () => void; children: ComponentChildren; wide?: boolean }) {
  const element = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement as HTMLElement | null;
    dialog?.showModal();
    return () => {
      dialog?.close();
      before?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={name}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => {
        if (event.target === element.current) close();
      }}
    >
      <div class="dialog-body">
        <h2 id={name}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** Asks before something is done. With `typed`, that text must be written first. */
export function Confirm({
  title, children, action, kind = "primary", typed, act, confirm, close, disabled = false, wide = false, cancel = "Cancel", more,
}: {
  title: string; children?: ComponentChildren; action: string; kind?: "" | "primary" | "danger"; typed?: string; act: Pick<Action<never>, "busy" | "failure">;
  confirm: () => void; close: () => void; disabled?: boolean; wide?: boolean; cancel?: string;
  /** A further button at the end. */
  more?: ComponentChildren;
}) {
  const [text, setText] = useState("");
  return (
    <Dialog title={title} close={close} wide={wide}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!disabled && (!typed || text === typed)) confirm();
        }}
      >
        {children}
        {typed && (
          <label class="field">
            <span>Type <code>{typed}</code> to go on</span>
            <input class="input" value={text} onInput={(event) => setText(event.currentTarget.value)} autoComplete="off" spellcheck={false} />
          </label>
        )}
        <ActionError failure={act.failure} />
        <div class="dialog-foot">
          <Button onClick={close}>{cancel}</Button>
          <Button type="submit" kind={kind} busy={act.busy} disabled={disabled || (typed !== undefined && text !== typed)}>{action}</Button>
          {more}
        </div>
      </form>
    </Dialog>
  );
}
