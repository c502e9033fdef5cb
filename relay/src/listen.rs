//! `relay listen`: gets the deliveries of a listener over a WebSocket and makes the calls on this machine.
//!
//! A listener is an endpoint, not a tunnel. What comes while nobody listens waits at the relay, and an
//! attempt counts only once its answer has arrived there. So this program may be killed at any moment: the
//! delivery that was under way comes again.

mod answer;
mod args;
mod forward;
mod keys;
mod screen;
mod session;
mod show;
mod wanted;

use std::process::ExitCode;

pub use self::{
    args::{ListenArgs, ListenOutput},
    wanted::ListenError,
};
use self::{forward::Forward, keys::Terminal, session::Session, show::Show, wanted::Wanted};
use crate::{
    exit::{CommandError, Exit, report},
    output::{Output, OutputArgs},
};

/// Runs the command until Ctrl-C, or until another program takes the name over.
pub fn run(args: ListenArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&CommandError::Output(error)),
    };
    let ended = runtime.block_on(listen(args));
    // A call that is broken off does not hold the process.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => report(&error),
    }
}

async fn listen(args: ListenArgs) -> Result<Exit, ListenError> {
    let (wanted, forward) = (Wanted::of(&args)?, Forward::of(&args)?);
    let taken = wanted.take().await?;
    let json = args.json.json || args.output == Some(ListenOutput::Json);
    let output = Output::new(OutputArgs { json });
    if args.print_secret {
        output.line(&taken.secret).map_err(CommandError::from)?;
        return Ok(Exit::Done);
    }
    let to = match forward.target() {
        Some(target) => format!("requests go to {target}"),
        None => "requests are answered with 200; --forward-to sends them on".to_owned(),
    };
    let waiting = match (taken.waiting, args.skip_waiting) {
        (0, _) => String::new(),
        (waiting, true) => format!("; {waiting} that wait are left waiting"),
        (waiting, false) => format!("; {waiting} waited and come first"),
    };
    let title = format!("listening as {}: {to}{waiting}", wanted.name);
    let terminal = match args.output {
        None | Some(ListenOutput::Interactive) if !json => Terminal::enter(),
        _ => None,
    };
    let show = match (terminal, args.output) {
        (Some(terminal), _) => Show::screen(output, terminal, title),
        (None, Some(ListenOutput::Interactive)) => {
            let why = "--output interactive needs a terminal for input and output";
            return Err(CommandError::Usage(why.to_owned()).into());
        }
        (None, _) => {
            output.note(&title);
            Show::lines(output)
        }
    };
    Session::new(wanted, taken, forward, show, args.once).run().await
}
