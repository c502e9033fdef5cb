// One endpoint as the screens read it.

import { getText, path } from "../../core/api";
import type { EndpointDetail } from "../../core/contract";
import { lines, sourceOf } from "../payload/json";

/** The endpoint, and its filter as it was written: its numbers may have more digits than JavaScript keeps. */
export interface Known extends EndpointDetail {
  filterText: string;
}

export async function readEndpoint(id: string, application: string | undefined, signal?: AbortSignal): Promise<Known> {
  const text = await getText(path`/v1/endpoints/${id}`, { application }, signal);
  const value = JSON.parse(text) as EndpointDetail;
  const filter = sourceOf(text, "filter");
  const written = filter ? text.slice(filter.start, filter.end) : "null";
  return { ...value, filterText: written === "null" ? "" : lines(written).join("\n") };
}

/** Path of the endpoint under the Svix contract. */
export function contractPath(endpoint: Pick<EndpointDetail, "id" | "application">): string {
  return path`/api/v1/app/${endpoint.application}/endpoint/${endpoint.id}`;
}

/** The host of a URL, or the whole of what is no URL. */
export function hostOf(url: string): string {
  try {
    return new URL(url).host || url;
  } catch {
    return url;
  }
}

/** The relay's ids of a message and of a task, which the Svix contract names otherwise. */
export const eventId = (id: string) => id.replace(/^msg_/, "evt_");
export const taskId = (id: string) => id.replace(/^qtask_/, "task_");
