// The screens of what is set up and of the relay itself, in one chunk, as those of `work`.

export { default as endpoints } from "./endpoints";
export { default as endpoint } from "./endpoint";
export { default as newEndpoint } from "./endpoint-new";
export { default as sources } from "./sources";
export { default as source } from "./source";
export { default as newSource } from "./source-new";
export { default as eventTypes } from "./event-types";
export { default as eventType } from "./event-type";
export { default as tasks } from "./tasks";
export { default as task } from "./task";
export { default as keys } from "./keys";
export { default as status } from "./status";
