// Shapes of routes that the page asks.

export interface Profile {
  name: string;
  title: string;
  scheme: string;
  replay_safe: boolean;
  why_not: string | null;
  secret: { label: string; shape: string; needed: boolean };
  settings: string;
  docs_url: string | null;
  events: string[];
}

export interface EndpointCheck {
  /** Null if the draft has no address. */
  address: { ok: boolean; why: string | null } | null;
  wanted: { matched: number; of: number; events: { id: string; type: string; created_at: string; matches: boolean }[] };
}

export interface DeliveryRequest {
  method: string;
  url: string;
  headers: { name: string; value: string }[];
  body: string | null;
  body_base64: string | null;
  bytes: number;
}

export interface Conflicts {
  data: { at: string; bytes: number; content_type: string | null; body: string | null; body_base64: string | null }[];
  kept: number;
  conflicts: number;
}

export interface LetterGroups {
  data: { application: string; endpoint_id: string | null; webhook_url: string | null; error_class: string; count: number; oldest_at: string; newest_at: string; expires_at: string | null }[];
  complete: boolean;
  scanned: number;
}

export interface EndpointDetail {
  id: string;
  uid: string | null;
  application: string;
  url: string;
  kind: string;
  description: string;
  events: string[];
  profile: string | null;
  disabled: boolean;
  disabled_reason: string | null;
  created_at: string;
  updated_at: string;
  version: number;
  ordering: string | null;
  channels: string[];
  /** Name of the one source whose events it receives; null for all. */
  source: string | null;
  filter: unknown;
  body: string;
  forward_headers: string[];
  header_style: string | null;
  signature_scheme: string;
  headers: string[];
  timeout_seconds: number;
  delays: number[];
  max_retries: number;
  breaker: { threshold: number; recovery_seconds: number };
  rate_limit: number | null;
  retry_on: unknown[];
  give_up_on: unknown[];
  success_on: unknown[];
  health: { state: string; since: string | null; until: string | null; failures: number; failed_attempts: number };
  secrets: { kind: string; fingerprint: string | null; since: string | null; signs_until: string | null }[];
  waiting: { count: number; complete: boolean; oldest_at: string | null };
  letters_waiting: number;
  last_attempt?: { at: string; status?: number | null; error_class?: string | null } | null;
  series_24h: { complete: boolean; delivered: number[]; failed: number[] };
}

export interface Status {
  version: string;
  now: string;
  sweep: { last_round_at: string | null; took_ms: number | null };
  queues: { name: string; waiting: number | null; in_flight: number | null; delayed: number | null }[] | null;
  pending?: { count: number; complete: boolean };
  oldest_waiting: { delivery_id: string; event_id: string; endpoint_id: string; application: string; since: string } | null;
  letters: { waiting: number; complete: boolean };
  silent_sources: { name: string; application: string; last_accepted_at: string; usual_gap_s: number }[];
  /** Missing in what an older relay answers; null for a session of one application. */
  troubles?: { kind: string; since: string; text: string }[] | null;
  alarms: { name: string; state: "alarm" | "ok"; since: string; reason: string | null }[] | null;
}

export interface SourceActivity {
  last_accepted_at: string | null;
  last_refused_at: string | null;
  last_refusal: string | null;
  silent_since: string | null;
  usual_gap_s: number | null;
  handshake: { state: "none_needed" | "waiting" | "answered"; at: string | null };
}
