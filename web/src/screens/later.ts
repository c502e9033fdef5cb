// The screens that are not part of the first load, in one chunk: they share most of their parts, and compress better together.

// The first load is named here too, so that esbuild makes it one chunk instead of one for what both use and one for the rest.
import "../main";

export { default as events } from "./events";
export { default as event } from "./event";
export { default as letters } from "./letters";
export { default as letter } from "./letter";
export { default as jobs } from "./jobs";
export { default as job } from "./job";
export { default as batches } from "./batches";
export { default as batch } from "./batch";
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
