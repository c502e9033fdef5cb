// S1's client of live updates: socket.io-client with the service's own options. Each line of standard input is an event to
// emit, as JSON: ["subscribe_logs", {"job_id": "…"}]. Each event is written as a line of the same form, with the time in front.
// The client subscribes again to what it had asked for when it reconnects, as the service's front end does.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, token, ...transports] = process.argv.slice(2);
const { origin, pathname } = new URL(url);
const socket = io(origin, {
  path: `${pathname}/`,
  query: { token },
  transports: transports.length ? transports : ["websocket", "polling"],
  reconnectionAttempts: 5,
  reconnectionDelay: 1000,
  reconnectionDelayMax: 5000,
  timeout: 10000,
});
const write = (...event) => process.stdout.write(JSON.stringify([Date.now(), ...event]) + "\n");

const wanted = new Map();
socket.on("connect", () => {
  write("connect", socket.id);
  for (const [name, data] of wanted.values()) socket.emit(name, data);
});
socket.on("disconnect", (reason) => write("disconnect", reason));
socket.on("connect_error", (error) => write("connect_error", error.message));
socket.io.on("reconnect_failed", () => write("reconnect_failed"));
socket.onAny((name, data) => write(name, data));

createInterface({ input: process.stdin }).on("line", (line) => {
  const [name, data] = JSON.parse(line);
  if (name === "close") return socket.close();
  if (name.startsWith("subscribe_") || name === "join_batch") wanted.set(JSON.stringify([name, data]), [name, data]);
  if (name === "unsubscribe_logs") wanted.delete(JSON.stringify(["subscribe_logs", data]));
  if (socket.connected) socket.emit(name, data);
});
