// Filters of a list as chips; each is a parameter of the address.

import { useEffect, useRef, useState } from "preact/hooks";
import { line } from "../core/format";
import { useKeys } from "../core/keys";
import { useQuery } from "../core/router";
import { Icon } from "./icons";

export interface Filter {
  /** Name of the parameter, as the API has it too. */
  name: string;
  title: string;
  /** The values that there are; any text if left out. */
  choices?: { value: string; title: string }[];
  placeholder?: string;
}

/** The values of the filters that the address has, as parameters of the API. */
export function useFilters(filters: Filter[]): Record<string, string | undefined> {
  const [query] = useQuery();
  return Object.fromEntries(filters.map((filter) => [filter.name, query.get(filter.name) ?? undefined]));
}

/** Shows the filters that are set, and offers the others. */
export function FilterBar({ filters }: { filters: Filter[] }) {
  const [query, change] = useQuery();
  const [open, setOpen] = useState<string | null>(null);
  const menu = useRef<HTMLButtonElement>(null);
  useKeys([{ keys: "f", label: "Filter", act: () => setOpen((was) => (was === "" ? null : "")) }]);
  const set = filters.filter((filter) => query.get(filter.name));
  const unset = filters.filter((filter) => !query.get(filter.name));
  return (
    <div class="filters" role="group" aria-label="Filters">
      {set.map((filter) => {
        const value = query.get(filter.name) ?? "";
        const words = filter.choices?.find((choice) => choice.value === value)?.title ?? value;
        return (
          <span class="chip" key={filter.name}>
            <button type="button" class="chip-text" onClick={() => setOpen(filter.name)} aria-label={`Change the filter ${filter.title}: ${line(words, 80)}`}>
              <span class="faint">{filter.title}</span> <bdi>{line(words, 60)}</bdi>
            </button>
            <button type="button" class="chip-end" onClick={() => change({ [filter.name]: null })} aria-label={`Remove the filter ${filter.title}`}>
              <Icon name="cross" size={12} />
            </button>
          </span>
        );
      })}
      <span class="anchor">
        <button type="button" ref={menu} class="button quiet" aria-expanded={open !== null} aria-haspopup="dialog" onClick={() => setOpen(open === null ? "" : null)}>
          <Icon name="filter" size={14} /><span>Filter</span>
        </button>
        {open !== null && (
          <FilterMenu
            filters={unset}
            chosen={filters.find((filter) => filter.name === open)}
            value={open ? (query.get(open) ?? "") : ""}
            apply={(name, value) => {
              change({ [name]: value || null });
              setOpen(null);
              menu.current?.focus();
            }}
            close={() => {
              setOpen(null);
              menu.current?.focus();
            }}
          />
        )}
      </span>
      {set.length > 1 && (
        <button type="button" class="link" onClick={() => change(Object.fromEntries(set.map((filter) => [filter.name, null])))}>Clear filters</button>
      )}
    </div>
  );
}

function FilterMenu({ filters, chosen, value, apply, close }: { filters: Filter[]; chosen: Filter | undefined; value: string; apply: (name: string, value: string) => void; close: () => void }) {
  const [filter, setFilter] = useState<Filter | undefined>(chosen);
  const [text, setText] = useState(value);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.querySelector<HTMLElement>("input, button")?.focus();
  }, [filter]);
  useEffect(() => {
    const outside = (event: MouseEvent) => {
      if (!box.current?.parentElement?.contains(event.target as Node)) close();
    };
    document.addEventListener("mousedown", outside);
    return () => document.removeEventListener("mousedown", outside);
  }, [close]);
  const arrows = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const buttons = [...(box.current?.querySelectorAll<HTMLElement>(".menu-item") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  };
  return (
    <div class="menu" ref={box} role="dialog" aria-label={filter ? filter.title : "Filters"} onKeyDown={arrows}>
      {!filter && filters.map((one) => <button key={one.name} type="button" class="menu-item" onClick={() => setFilter(one)}>{one.title}</button>)}
      {!filter && filters.length === 0 && <p class="menu-note">Every filter is set.</p>}
      {filter?.choices?.map((choice) => (
        <button key={choice.value} type="button" class="menu-item" aria-pressed={choice.value === value} onClick={() => apply(filter.name, choice.value)}>{choice.title}</button>
      ))}
      {filter && !filter.choices && (
        <form
          class="menu-form"
          onSubmit={(event) => {
            event.preventDefault();
            apply(filter.name, text.trim());
          }}
        >
          <label>
            <span>{filter.title}</span>
            <input class="input" value={text} placeholder={filter.placeholder} spellcheck={false} autoComplete="off" onInput={(event) => setText(event.currentTarget.value)} />
          </label>
          <button type="submit" class="button primary"><span>Apply</span></button>
        </form>
      )}
    </div>
  );
}
