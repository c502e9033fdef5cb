// Requests to the relay's API, and the errors that it answers with.

import { session, signOut } from "./session";

/** A value of a query parameter; undefined and empty text leave the parameter out. */
export type Query = Record<string, string | number | boolean | undefined | null>;

/** A kind of failure, as a person has to act on it. */
export type FailureKind =
  | "offline" // The relay did not answer.
  | "signed-out" // The session has ended.
  | "forbidden" // The session's scope is too small.
  | "missing" // There is no such thing, or it is another tenant's.
  | "gone" // It was there and was removed.
  | "invalid" // The request was refused; the message says which field.
  | "busy" // Too many requests, or another request is doing the same.
  | "failed"; // The relay failed.

/** An answer of the API that is no success, or no answer at all. */
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly status = 0,
    /** Id of the request in the relay's logs; empty if the answer had none. */
    readonly requestId = "",
    /** Seconds after which the request may be made again. */
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

/** Names that the API did not know and ignored, from the header `relay-ignored`. */
export const ignored = new EventTarget();

function kindOf(status: number): FailureKind {
  if (status === 401) return "signed-out";
  if (status === 403) return "forbidden";
  if (status === 404) return "missing";
  if (status === 410) return "gone";
  if (status === 409 || status === 429 || status === 503) return "busy";
  if (status >= 400 && status < 500) return "invalid";
  return "failed";
}

// The contracts word their errors differently: {detail}, {detail: [{msg, loc}]}, {error}, {message}.
function wording(text: string, status: number): string {
  try {
    const body = JSON.parse(text);
    const detail = body.detail ?? body.message ?? body.error ?? body.title;
    if (typeof detail === "string") return detail;
    if (Array.isArray(detail))
      return detail.map((one) => [one.loc?.join?.("."), one.msg].filter(Boolean).join(": ")).join("; ");
  } catch {
    // Not JSON: an answer of something between the page and the relay.
  }
  return `The relay answered ${status}.`;
}

function address(path: string, query?: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== null && value !== "") parameters.set(name, String(value));
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  /** Body as JSON text, sent as it is written: numbers keep their digits. */
  raw?: string;
  signal?: AbortSignal;
  /** Key under which a repeated POST is done once. */
  key?: string;
  /** Bearer that is used instead of the session's token. */
  bearer?: string;
  headers?: Record<string, string>;
}

/** Makes a request and returns its answer if that is a success; throws a `Failure` otherwise. */
export async function call(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { ...options.headers };
  const bearer = options.bearer ?? session.value?.token;
  if (bearer) headers["authorization"] = `Bearer ${bearer}`;
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  if (body !== undefined) headers["content-type"] = "application/json";
  if (options.key) headers["idempotency-key"] = options.key;
  const request: RequestInit = { method, headers, credentials: "omit", cache: "no-store" };
  if (body !== undefined) request.body = body;
  if (options.signal) request.signal = options.signal;
  let response: Response;
  try {
    response = await fetch(address(path, options.query), request);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Failure("offline", "The relay cannot be reached.");
  }
  const unknown = response.headers.get("relay-ignored");
  if (unknown) ignored.dispatchEvent(new CustomEvent("ignored", { detail: unknown }));
  if (response.ok) return response;
  const kind = kindOf(response.status);
  const requestId = response.headers.get("apigw-requestid") ?? response.headers.get("x-request-id") ?? "";
  const text = await response.text().catch(() => "");
  const retry = Number(response.headers.get("retry-after")) || 0;
  if (kind === "signed-out" && options.bearer === undefined) signOut();
  throw new Failure(kind, wording(text, response.status), response.status, requestId, retry);
}

/** GET of JSON. */
export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const options: RequestOptions = {};
  if (query) options.query = query;
  if (signal) options.signal = signal;
  return (await call("GET", path, options)).json();
}

/** GET of text: payloads are shown as they were written, and are never read by JSON.parse. */
export async function getText(path: string, query?: Query, signal?: AbortSignal): Promise<string> {
  const options: RequestOptions = {};
  if (query) options.query = query;
  if (signal) options.signal = signal;
  return (await call("GET", path, options)).text();
}

/** POST, PUT, PATCH or DELETE with a body of JSON. Returns undefined if the answer is empty. */
export async function send<T>(method: string, path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
  const response = await call(method, path, { ...options, body });
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** A new key for `Idempotency-Key`. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A path with its parts percent-encoded: path`/v1/events/${id}`. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((whole, part, n) => whole + encodeURIComponent(String(values[n - 1])) + part);
}
