//! The one integration binary: journeys through the whole bundle, and the rules that hold it together.

mod batches;
mod breaker;
mod bugs;
mod crash;
mod deliveries;
mod forgeries;
mod jobs;
mod journeys;
mod missed;
mod omtx;
mod outgoing;
mod replays;
mod subject;
mod template;
mod tidy;
