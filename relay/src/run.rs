//! `relay run`: runs a command on this machine as a job of a relay (R1.10). The command's output goes to
//! the terminal and to the job's log, and its exit code is the end of the job.
//!
//! The output is copied by threads of its own that never wait for the relay. What they read is kept in
//! a backlog of bounded size, from which a task sends it.

mod backlog;
mod child;
mod courier;
mod lines;
mod terminal;

use std::{
    ffi::OsString,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use adapters::random;
use clap::Parser;
use tokio::{
    sync::watch,
    task::{LocalSet, spawn_local},
};

use self::{
    backlog::Backlog,
    child::Child,
    courier::{Courier, JobReport},
    terminal::SharedStderr,
};
use crate::remote::Remote;

/// Begin of the ids of jobs that run on a machine of the caller.
const LOCAL: &str = "local-";
/// The longest time for the rest of the log and the end of the job, once the command's output has ended.
/// With [`child::SILENCE`] it is 2 s.
const AT_END: Duration = Duration::from_millis(1500);
/// Exit code if the command is there and cannot be run, as a shell has it.
const NOT_RUNNABLE: u8 = 126;
/// Exit code if there is no such command, as a shell has it.
const NOT_FOUND: u8 = 127;

/// The arguments of `relay run`.
#[derive(Clone, Debug, Parser)]
pub struct RunArgs {
    /// The relay to call, and the key to call it with.
    #[command(flatten)]
    pub remote: Remote,
    /// Id of the job; local- is put in front of it if it is not there. Made if it is not given.
    #[arg(long)]
    pub job: Option<String>,
    /// Source that the job belongs to. Needed if the key sees several.
    #[arg(long)]
    pub source: Option<String>,
    /// Project that the job belongs to.
    #[arg(long)]
    pub project: Option<String>,
    /// Batch that the job belongs to, by the senders' id.
    #[arg(long)]
    pub batch: Option<String>,
    /// Seconds from now within which the job is to end. Later it counts as timed out.
    #[arg(long)]
    pub deadline: Option<u64>,
    /// The command and its arguments, behind --.
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

impl RunArgs {
    /// The id of the job.
    fn job_id(&self) -> String {
        match &self.job {
            Some(id) if id.starts_with(LOCAL) => id.clone(),
            Some(id) => format!("{LOCAL}{id}"),
            None => format!("{LOCAL}{}", random::token()),
        }
    }
}

/// Runs the command. Exits as the command does; with 126 or 127 if the command cannot be run.
pub fn run(args: RunArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            SharedStderr::default().say(&error);
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(LocalSet::new().run_until(supervise(args)));
    // A name that is still being resolved does not hold the process.
    runtime.shutdown_background();
    code
}

async fn supervise(args: RunArgs) -> ExitCode {
    let (backlog, stderr) = (Arc::new(Backlog::default()), Arc::new(SharedStderr::default()));
    let mut child = match Child::start(&args.command, &backlog, &stderr) {
        Ok(child) => child,
        Err(error) => {
            stderr.say(&format!("cannot run {}: {error}", args.command[0].to_string_lossy()));
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            return ExitCode::from(if missing { NOT_FOUND } else { NOT_RUNNABLE });
        }
    };
    let (end, ended) = watch::channel(None);
    let courier = Courier::new(args, Arc::clone(&backlog), Arc::clone(&stderr), ended);
    let report = Arc::clone(courier.report());
    let courier = spawn_local(courier.work());
    let command = child.wait().await;
    child.wait_for_output().await;
    let code = command.exit_code();
    end.send_replace(Some(command));
    backlog.close();
    let until = Instant::now() + AT_END;
    tokio::select! {
        // A panic of the task is printed by itself, and what it did not send is told below.
        _ = courier => (),
        () = tokio::time::sleep_until(until.into()) => (),
        // Whoever interrupts now does not want to wait for the relay.
        () = child.interrupted() => (),
    }
    tell_losses(&report, &backlog, &stderr);
    stderr.finish();
    ExitCode::from(code)
}

/// Says what the relay was not told.
fn tell_losses(report: &JobReport, backlog: &Backlog, stderr: &SharedStderr) {
    let lost = backlog.unsent();
    let lines = match lost {
        0 => None,
        1 => Some("1 line is missing in its log".to_owned()),
        _ => Some(format!("{lost} lines are missing in its log")),
    };
    let end = (!report.is_ended()).then(|| "the relay was not told how it ended".to_owned());
    let losses: Vec<_> = [end, lines].into_iter().flatten().collect();
    if !losses.is_empty() {
        stderr.say(&format!("job {}: {}", report.job(), losses.join(", and ")));
    }
}
