// What went wrong with an attempt, in a sentence, and what can be done about it.

interface Failed {
  status?: number | null;
  error_class?: string | null;
}

const CLASSES: Record<string, [what: string, todo: string]> = {
  timeout: ["The endpoint did not answer in time.", "Let the receiver answer first and work afterwards, or give the endpoint a longer timeout."],
  dns: ["The name of the host could not be resolved.", "Check how the host is spelt, and its DNS records."],
  connect: ["No connection could be made.", "Check that the receiver runs and listens on this port, and that no firewall is in between."],
  tls: ["The TLS handshake failed.", "Check that the certificate names this host, has not expired and comes with its whole chain."],
  protocol: ["The connection broke, or the answer was not HTTP.", "Look into the receiver's log at this time for a crash or a restart, and check that the port speaks HTTP."],
  forbidden_address: ["The relay must not call this address.", "Use an address that is public: private and local ones are refused so that nobody reaches into a network through the relay."],
  unfit: ["The destination cannot take the message: it is too large, or not text.", "Send less, or have it delivered to an HTTP endpoint."],
  endpoint_disabled: ["The endpoint is disabled; nothing was called.", "Enable the endpoint, then retry."],
  circuit_open: ["The endpoint had failed so often that nothing was called for too long.", "Repair the receiver, then retry; the circuit closes with the first success."],
  expunged: ["The content of the event was removed; nothing was called.", "It cannot be sent any more. Have the sender send it again."],
  no_listener: ["Nobody listened; nothing was called.", "Start `relay listen` under the same name, then retry."],
  relay: ["The relay itself failed.", "Nothing is wrong with the receiver. See the relay's log of this time; a retry usually suffices."],
};

const STATUSES: [from: number, to: number, todo: string][] = [
  [300, 399, "The relay follows no redirect. Give the endpoint the address to which it leads."],
  [401, 401, "The receiver did not accept the signature or a header. Check that it verifies with this endpoint's secret, over the bytes as they came."],
  [403, 403, "The receiver refuses the caller. Check its signature check, its firewall and its rules against robots."],
  [404, 404, "Nothing is at this path. Check the endpoint's URL and the receiver's route."],
  [405, 405, "The route takes no POST. Check the method of the receiver's route."],
  [408, 408, "The receiver waited too long for the request. A retry usually suffices."],
  [410, 410, "The receiver says that it is gone for good, so the endpoint is disabled. Enable it if that was a mistake."],
  [413, 413, "The receiver takes no body of this size. Raise its limit."],
  [429, 429, "The receiver asks for fewer requests. Give the endpoint a rate limit."],
  [400, 499, "The receiver refuses the request. Its answer usually says why."],
  [502, 504, "Something before the receiver could not reach it. Check that it runs."],
  [500, 599, "The receiver failed. Its own log of this time says why."],
];

/** What happened, or null if the attempt succeeded. */
export function sentenceOf(failed: Failed): string | null {
  if (!failed.error_class) return null;
  if (failed.error_class === "status") return `The endpoint answered ${failed.status ?? "with a status that is no success"}.`;
  return CLASSES[failed.error_class]?.[0] ?? `It failed: ${failed.error_class}.`;
}

/** What can be done about it; empty if nothing can be said. */
export function adviceOf(failed: Failed): string {
  const { status, error_class } = failed;
  if (error_class !== "status") return CLASSES[error_class ?? ""]?.[1] ?? "";
  return STATUSES.find(([from, to]) => status && status >= from && status <= to)?.[2] ?? "";
}

/** An attempt in a word or two: "503", "timeout", "forbidden address". */
export function wordOf(failed: Failed): string {
  if (failed.error_class && failed.error_class !== "status") return failed.error_class.replace(/_/g, " ");
  return String(failed.status ?? "no answer");
}
