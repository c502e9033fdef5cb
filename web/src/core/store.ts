// A value that components follow.

import { useEffect, useState } from "preact/hooks";

/** A value, and those who are told when it changes. */
export class Store<T> {
  #value: T;
  #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  /** Calls `listener` after each change. Returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The store's value; the component is drawn again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, draw] = useState(0);
  useEffect(() => {
    // The value may have changed between drawing and this effect.
    let seen = store.value;
    const changed = () => {
      if (Object.is(seen, store.value)) return;
      seen = store.value;
      draw((count) => count + 1);
    };
    const end = store.subscribe(changed);
    draw((count) => count + 1);
    return end;
  }, [store]);
  return store.value;
}

/** A store whose value outlives the page, in `localStorage`. Texts only. */
export function kept(name: string, otherwise: string): Store<string> {
  let value = otherwise;
  try {
    value = localStorage.getItem(name) ?? otherwise;
  } catch {
    // Storage is forbidden in this frame: the value lives as long as the page.
  }
  const store = new Store(value);
  store.subscribe(() => {
    try {
      localStorage.setItem(name, store.value);
    } catch {
      // As above.
    }
  });
  return store;
}
