//! What more than one function does: announcing an event, attempting a delivery, putting a dead
//! letter back, working through a batch of messages.

pub mod accept;
mod admit;
pub mod announce;
mod attempt;
pub mod batch;
mod compose;
pub mod context;
pub mod count;
mod crowd;
pub mod expunge;
pub mod fan_out;
pub mod figures;
mod follow_up;
mod gate;
mod hand_over;
mod hearing;
mod lane;
pub mod logs;
mod measure;
pub mod memory;
pub mod operational;
pub mod outcome;
mod park;
mod pass_through;
pub mod preview;
mod put_off;
mod record;
pub mod redrive;
mod status;
pub mod tally;
pub mod tell;
pub mod teller;
mod turn;
mod uncalled;
mod unseen;

#[cfg(test)]
mod tests;
