// The screens of what is set up, in one chunk: they share most of their parts, and compress better together.

export { default as endpoints } from "./endpoints";
export { default as endpoint } from "./endpoint";
export { default as newEndpoint } from "./endpoint-new";
export { default as sources } from "./sources";
export { default as source } from "./source";
export { default as newSource } from "./source-new";
export { default as eventTypes } from "./event-types";
export { default as eventType } from "./event-type";
