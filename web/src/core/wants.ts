// Which event types an endpoint receives.

/** Whether a list of types, wildcards such as `invoice.*` among them, holds `type`. An empty list holds all. */
export function wants(types: readonly string[], type: string): boolean {
  return types.length === 0 || types.some((one) => one === type || (one.endsWith("*") && type.startsWith(one.slice(0, -1))));
}
