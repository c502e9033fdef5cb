//! The one integration binary: journeys through the whole bundle, and the rules that hold it together.

mod batches;
mod breaker;
mod bugs;
mod crash;
mod deliveries;
mod desk;
mod forgeries;
mod given_up;
mod hung;
mod idempotency;
mod jobs;
mod journeys;
mod ladder;
mod missed;
mod omtx;
mod operational;
mod outgoing;
mod pace;
mod planted;
mod removal;
mod replays;
mod rotation;
mod subject;
mod template;
mod tidy;
mod zombies;
