// A receiver to copy, with the official libraries of Standard Webhooks.

import { useState } from "preact/hooks";
import { Code } from "../basics";
import { Segments } from "../fields";

const CODE: Record<string, (secret: string) => string> = {
  python: (secret) => `# pip install standardwebhooks
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ.get("WEBHOOK_SECRET", "${secret}"))

class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_response(401)
        else:
            print(self.headers["webhook-id"], event["type"], event["data"])
            self.send_response(204)
        self.end_headers()

HTTPServer(("127.0.0.1", 9000), Hook).serve_forever()`,
  node: (secret) => `// npm install standardwebhooks; save as receive.mjs
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? "${secret}");

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  try {
    const event = webhook.verify(body, request.headers);
    console.log(request.headers["webhook-id"], event.type, event.data);
    response.writeHead(204).end();
  } catch {
    response.writeHead(401).end();
  }
}).listen(9000, "127.0.0.1");`,
  rust: (secret) => `// cargo add standardwebhooks http
use http::HeaderMap;
use standardwebhooks::{Webhook, WebhookError};

const SECRET: &str = "${secret}";

/// Takes \`headers\` and \`body\` as they came, before anything has parsed the body.
fn verify(headers: &HeaderMap, body: &[u8]) -> Result<(), WebhookError> {
    Webhook::new(SECRET)?.verify(body, headers)
}`,
};

/** The code of a receiver; its secret is a placeholder unless it is given. */
export function Receiver({ secret = "whsec_…" }: { secret?: string }) {
  const [language, setLanguage] = useState("python");
  return (
    <div class="receiver">
      <Segments label="Language" value={language} change={setLanguage} choices={[{ value: "python", title: "Python" }, { value: "node", title: "Node" }, { value: "rust", title: "Rust" }]} />
      <Code text={CODE[language]?.(secret) ?? ""} what="receiver" />
    </div>
  );
}
