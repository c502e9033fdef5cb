// Icons, drawn on a grid of 16. They take the text's colour.

const PATHS = {
  overview: "M2 13V8m4 5V3m4 10V6m4 7V9",
  events: "M2 4h12M2 8h12M2 12h7",
  endpoints: "M3 8h9m-3-3 3 3-3 3M14 3v10",
  sources: "M2 3v10M4 8h9m-6-3L4 8l3 3",
  jobs: "M2.5 3h11v10h-11zM5 6l2 2-2 2m4 0h2.5",
  batches: "M8 2 2 5l6 3 6-3zM2 8l6 3 6-3M2 11l6 3 6-3",
  letters: "M2 4h12v9H2zM2 4l6 5 6-5",
  tasks: "M3 4l1 1 2-2M3 8.5l1 1 2-2M3 13l1 1 2-2M9 4h5M9 8.5h5M9 13h5",
  types: "M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z",
  keys: "M10.5 2.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 8l-5.5 5.5M4 12l1.5 1.5",
  status: "M1.5 8h3l2-5 3 10 2-5h3",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5 14 14",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  check: "M3 8.5 6.5 12 13 4.5",
  cross: "M4 4l8 8m0-8-8 8",
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  right: "M6 4l4 4-4 4",
  left: "M10 4 6 8l4 4",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  plus: "M8 3v10M3 8h10",
  retry: "M13 3v4H9M13 7a5.5 5.5 0 1 0 .5 3",
  pause: "M5.5 3v10m5-10v10",
  play: "M5 3l8 5-8 5z",
  warning: "M8 2 1.5 13.5h13zM8 6.5v3m0 2v.01",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 3v3l2 2",
  out: "M9 3h4v4m0-4L7 9M11 9v4H3V5h4",
  menu: "M2 4h12M2 8h12M2 12h12",
  filter: "M2 3h12L9.5 8.5V13l-3-1.5v-3z",
  download: "M8 2v8m-3.5-3L8 10.5 11.5 7M2.5 13.5h11",
  eye: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  bolt: "M9 1.5 3 9h4.5L7 14.5 13 7H8.5z",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1m8 8 1 1m0-10-1 1m-8 8-1 1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
