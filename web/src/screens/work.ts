// The screens of what comes and goes, in one chunk: they share most of their parts, and compress better together.

export { default as events } from "./events";
export { default as event } from "./event";
export { default as letters } from "./letters";
export { default as letter } from "./letter";
export { default as jobs } from "./jobs";
export { default as job } from "./job";
export { default as batches } from "./batches";
export { default as batch } from "./batch";
