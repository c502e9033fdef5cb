// Shapes of the API, as openapi.json has them. `npm run check` writes openapi.d.ts from it.

import type { components } from "./openapi";

type Schemas = components["schemas"];

export type EventRow = Schemas["EventOut"];
export type EventDetail = Schemas["EventDetail"];
export type Delivery = Schemas["DeliveryOut"];
export type Attempt = Schemas["AttemptOut"];
export type EndpointRow = Schemas["EndpointList"]["data"][number];
export type Stats = Schemas["StatsOut"];
export type Source = Schemas["SourceOut"];
export type Refusals = Schemas["RefusalsOut"];
export type Job = Schemas["JobOut"];
export type JobDetail = Schemas["JobDetail"];
export type Batch = Schemas["BatchOut"];
export type Letter = Schemas["LetterOut"];
export type LetterDetail = Schemas["LetterDetail"];
export type Task = Schemas["TaskOut"];
export type Key = Schemas["KeyOut"];
