// What the screens of sources share.

import { get } from "../../core/api";
import type { Profile, SourceActivity } from "../../core/contract";
import { line } from "../../core/format";
import { type Thing, useThing } from "../../core/list";
import { session } from "../../core/session";
import type { Source } from "../../core/types";

export type KnownSource = Source & { activity?: SourceActivity | null };

/** The profiles that there are. */
export function useProfiles(): Thing<Profile[]> {
  return useThing("profiles", async (signal) => (await get<{ data: Profile[] }>("/v1/profiles", undefined, signal)).data);
}

/** The URL that the source's sender calls. */
export function urlOf(source: Pick<Source, "path" | "profile">): string {
  const base = (session.value?.relay?.url ?? location.origin).replace(/\/+$/, "");
  return `${base}${source.path}${source.profile === "runpod" || source.profile === "cog" ? "/<token>" : ""}`;
}

/** Settings that a PUT needs again so that they stay: it replaces the source, but for its secrets. */
export function settingsOf(source: Source): Record<string, unknown> {
  const { application_id, profile, strict } = source;
  const kept: Record<string, unknown> = { profile, application: application_id, strict };
  for (const name of ["allowed_networks", "cancel", "deadline_seconds", "job_webhooks", "jwks_url", "mapping", "mode", "platform", "poll", "public_url", "rate_limit", "scheme", "status_redis", "tolerance_seconds"] as const) {
    const value = (source as Record<string, unknown>)[name];
    if (value !== undefined && value !== null) kept[name] = value;
  }
  return kept;
}

/** Reasons of refusals in a few words. */
export const REASONS: Record<string, string> = {
  unknown_source: "No such source",
  no_secret: "No usable secret",
  missing_header: "Header missing",
  doubled_header: "Header twice",
  malformed_header: "Header malformed",
  timestamp_past: "Signed too long ago",
  timestamp_future: "Signed in the future",
  undated: "No time in the body",
  uncovered: "Body not signed",
  mismatch: "Wrong signature",
  token: "Unknown token",
  downgrade: "Weaker signature",
  address: "Address not allowed",
  too_large: "Too large",
  too_many: "Too many",
  unknown_job: "Unknown job",
  unreadable: "Body unreadable",
  lines: "No log lines",
};

export function reasonWords(reason: string): string {
  return REASONS[reason] ?? line(reason.replaceAll("_", " "), 24);
}
