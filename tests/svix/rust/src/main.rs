//! Plays every operation through the Rust SDK, as its own user would. Run by players.py. A line for each
//! check: `<row> ok` or `<row> no <why>`.

mod across;
mod applications;
mod attempts;
mod endpoints;
mod event_types;
mod ground;
mod messages;
mod tasks;

use svix::api::{Svix, SvixOptions};

use crate::ground::{Run, setting};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = SvixOptions { server_url: Some(setting("RELAY_URL")), ..SvixOptions::default() };
    let svix = Svix::new(setting("RELAY_KEY"), Some(options));
    let run = Run { wanted: std::env::args().skip(1).collect() };
    applications::play(&run, &svix).await;
    endpoints::play(&run, &svix).await;
    event_types::play(&run, &svix).await;
    messages::play(&run, &svix).await;
    attempts::play(&run, &svix).await;
    tasks::play(&run, &svix).await;
    across::play(&run, &svix).await;
}
