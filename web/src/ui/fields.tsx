// Fields of forms.

import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { visible } from "../core/format";

/** A label, its control and a line below that helps. */
export function Field({ label, help, error, children }: { label: string; help?: ComponentChildren; error?: string | undefined; children: (props: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean | undefined }) => JSX.Element }) {
  const id = useId();
  const below = `${id}-help`;
  const props = { id, "aria-describedby": help || error ? below : undefined, "aria-invalid": error ? true : undefined };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(props)}
      {(help || error) && <p class={error ? "help error" : "help"} id={below}>{error || help}</p>}
    </div>
  );
}

/** A field of one line. */
export function TextField({ label, value, change, help, error, ...rest }: { label: string; value: string; change: (value: string) => void; help?: ComponentChildren; error?: string } & { type?: "text" | "password" | "url" | "number" | "search"; placeholder?: string; required?: boolean; inputMode?: "numeric" | "text" | "url"; autoFocus?: boolean }) {
  return (
    <Field label={label} help={help} error={error}>
      {(props) => <input class="input" spellcheck={false} autoComplete="off" {...(rest as object)} {...props} value={value} onInput={(event) => change(event.currentTarget.value)} />}
    </Field>
  );
}

/** A field of several lines. */
export function AreaField({ label, value, change, help, error, rows = 4, code = false, placeholder }: { label: string; value: string; change: (value: string) => void; help?: ComponentChildren; error?: string; rows?: number; code?: boolean; placeholder?: string }) {
  return (
    <Field label={label} help={help} error={error}>
      {(props) => <textarea class={code ? "input mono" : "input"} spellcheck={false} rows={rows} placeholder={placeholder} {...props} value={value} onInput={(event) => change(event.currentTarget.value)} />}
    </Field>
  );
}

export interface Choice {
  value: string;
  title: string;
}

/** A choice of one. */
export function SelectField({ label, value, change, choices, help }: { label: string; value: string; change: (value: string) => void; choices: Choice[]; help?: ComponentChildren }) {
  return (
    <Field label={label} help={help}>
      {(props) => (
        <select class="input" {...props} value={value} onChange={(event) => change(event.currentTarget.value)}>
          {choices.map((choice) => <option key={choice.value} value={choice.value}>{visible(choice.title)}</option>)}
        </select>
      )}
    </Field>
  );
}

/** A yes or no. */
export function CheckField({ label, checked, change, help }: { label: ComponentChildren; checked: boolean; change: (checked: boolean) => void; help?: ComponentChildren }) {
  const id = useId();
  return (
    <div class="field check">
      <input type="checkbox" id={id} checked={checked} onChange={(event) => change(event.currentTarget.checked)} />
      <label for={id}>{label}</label>
      {help && <p class="help">{help}</p>}
    </div>
  );
}

/** Some buttons of which one is pressed: a range, a view. */
export function Segments({ label, value, change, choices }: { label: string; value: string; change: (value: string) => void; choices: Choice[] }) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button key={choice.value} type="button" aria-pressed={choice.value === value} onClick={() => change(choice.value)}>{choice.title}</button>
      ))}
    </div>
  );
}

/** Tabs whose choice is in the address. */
export function Tabs({ label, value, change, choices }: { label: string; value: string; change: (value: string) => void; choices: Choice[] }) {
  return (
    <div class="tabs" role="tablist" aria-label={label}>
      {choices.map((choice) => (
        <button key={choice.value} type="button" role="tab" aria-selected={choice.value === value} tabIndex={choice.value === value ? 0 : -1}
          onClick={() => change(choice.value)}
          onKeyDown={(event) => {
            const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
            if (!step) return;
            const at = choices.findIndex((one) => one.value === value);
            const next = choices[(at + step + choices.length) % choices.length];
            if (next) change(next.value);
            (event.currentTarget.parentElement?.children[(at + step + choices.length) % choices.length] as HTMLElement)?.focus();
          }}>{choice.title}</button>
      ))}
    </div>
  );
}
