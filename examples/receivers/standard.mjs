// Receives from the relay, verified by the official library. `npm install standardwebhooks`
//
//     WEBHOOK_SECRET=whsec_… node standard.mjs 9000
import { createServer } from "node:http";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
// The relay delivers at least once: answer an id that was handled, but do not handle it again. In production use a table with
// a unique key, written in the transaction that does the work.
const handled = new Set();

function handle(event) {
  console.log(event.type, JSON.stringify(event.data));
}

function judge(body, headers) {
  let event;
  try {
    // The raw body: the signature does not cover a body that was parsed and written again.
    event = webhook.verify(body, headers);
  } catch (error) {
    return error instanceof WebhookVerificationError ? 401 : 400;
  }
  if (handled.has(headers["webhook-id"])) return 204;
  try {
    handle(event);
  } catch {
    return 500; // The relay retries the delivery.
  }
  handled.add(headers["webhook-id"]);
  return 204;
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  response.writeHead(judge(Buffer.concat(chunks).toString(), request.headers)).end();
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
