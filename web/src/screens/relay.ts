// The screens of the relay itself, which share one chunk.

export { default as Keys } from "./keys";
export { default as Health } from "./status";
export { default as Task } from "./task";
export { default as Tasks } from "./tasks";
