//! The command: started with the terminal's input, its output copied, its signals passed on.
//!
//! A thread copies each of the two outputs, chunk by chunk and before the lines in it are looked for,
//! so that a progress bar moves at once and nothing of the log can hold up the command.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, IsTerminal, Read, Write},
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use adapters::clock::Clock;
use domain::log;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::Command,
    signal::unix::{self, SignalKind},
};

use super::{
    backlog::{Backlog, Output},
    lines::LineSplitter,
    terminal::SharedStderr,
};

/// The time without output after which the output of a command that has ended counts as ended too,
/// although a process that it left behind holds it open.
pub(super) const SILENCE: Duration = Duration::from_millis(500);
/// The time between two looks at the threads that copy.
const LOOK: Duration = Duration::from_millis(10);
/// Bytes that are copied at a time: what a pipe holds.
const CHUNK: usize = 64 * 1024;
/// The number that a shell adds to that of the signal that ended a command.
const BY_SIGNAL: u8 = 128;

/// The way in which a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandEnd {
    /// The command exited with this code.
    Exited(u8),
    /// This signal ended the command.
    Killed(u8),
}

impl CommandEnd {
    /// The exit code that a shell would have for it.
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => BY_SIGNAL.saturating_add(signal),
        }
    }

    fn of(status: ExitStatus) -> Self {
        let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(byte(code)),
            (None, signal) => Self::Killed(byte(signal.unwrap_or_default())),
        }
    }
}

/// The command while it runs.
pub(super) struct Child {
    process: tokio::process::Child,
    copies: [Copy; 2],
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

/// A thread that copies an output.
struct Copy {
    thread: JoinHandle<()>,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Whether the thread waits for output, and not for whoever reads ours.
    waits: AtomicBool,
    chunks: AtomicUsize,
}

impl Child {
    /// Starts the command as a child process.
    ///
    /// # Errors
    /// Fails if there is no such command, or it cannot be run.
    pub(super) fn start(
        command: &[OsString],
        backlog: &Arc<Backlog>,
        shared: &Arc<SharedStderr>,
    ) -> io::Result<Self> {
        // Before the command starts: a signal that comes meanwhile is passed on, and ends nobody.
        let interrupt = unix::signal(SignalKind::interrupt())?;
        let terminate = unix::signal(SignalKind::terminate())?;
        let mut starting = Command::new(&command[0]);
        starting.args(&command[1..]).stdout(Stdio::piped()).stderr(Stdio::piped());
        if std::env::var_os("PYTHONUNBUFFERED").is_none() {
            // Python holds back what it prints into a pipe, up to its end.
            starting.env("PYTHONUNBUFFERED", "1");
        }
        let mut process = starting.spawn()?;
        let stdout = process.stdout.take().map(|pipe| pipe.into_owned_fd()).transpose()?;
        let stderr = process.stderr.take().map(|pipe| pipe.into_owned_fd()).transpose()?;
        let shared = Arc::clone(shared);
        let to_stdout = |bytes: &[u8]| {
            io::stdout().write_all(bytes)?;
            io::stdout().flush()
        };
        let to_stderr = move |bytes: &[u8]| shared.copy(bytes);
        let copies = [
            Copy::start(stdout, to_stdout, Output::Stdout, backlog)?,
            Copy::start(stderr, to_stderr, Output::Stderr, backlog)?,
        ];
        Ok(Self { process, copies, interrupt, terminate })
    }

    /// Waits until the command has ended. Meanwhile passes signals on to it.
    pub(super) async fn wait(&mut self) -> CommandEnd {
        loop {
            let signal = tokio::select! {
                ended = self.process.wait() => {
                    return ended.map_or(CommandEnd::Exited(u8::MAX), CommandEnd::of);
                }
                _ = self.interrupt.recv() => Signal::INT,
                _ = self.terminate.recv() => Signal::TERM,
            };
            // Ctrl-C reaches every process in the foreground of the terminal, the command too.
            let heard = signal == Signal::INT && io::stdin().is_terminal();
            let pid = self.process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            if let Some(pid) = pid.filter(|_| !heard) {
                // A command that has just ended hears no signal.
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Waits until all output has been copied. A process that the command left behind, and that says
    /// nothing for [`SILENCE`], is not waited for.
    pub(super) async fn wait_for_output(&self) {
        let (mut seen, mut since) = (self.chunks(), Instant::now());
        while self.copies.iter().any(|copy| !copy.thread.is_finished()) {
            tokio::time::sleep(LOOK).await;
            let chunks = self.chunks();
            let waits = |copy: &Copy| {
                copy.thread.is_finished() || copy.progress.waits.load(Ordering::Acquire)
            };
            if chunks != seen || !self.copies.iter().all(waits) {
                (seen, since) = (chunks, Instant::now());
            }
            if SILENCE <= since.elapsed() {
                return;
            }
        }
    }

    /// Waits for a signal that came after the command's end.
    pub(super) async fn interrupted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }

    fn chunks(&self) -> usize {
        self.copies.iter().map(|copy| copy.progress.chunks.load(Ordering::Acquire)).sum()
    }
}

impl Copy {
    fn start(
        from: Option<OwnedFd>,
        to: impl Fn(&[u8]) -> io::Result<()> + Send + 'static,
        output: Output,
        backlog: &Arc<Backlog>,
    ) -> io::Result<Self> {
        let from = File::from(from.ok_or(io::ErrorKind::BrokenPipe)?);
        let (backlog, progress) = (Arc::clone(backlog), Arc::new(Progress::default()));
        let seen = Arc::clone(&progress);
        let thread = thread::Builder::new().name(format!("relay-{}", output.name()));
        let thread = thread.spawn(move || copy(from, to, output, &backlog, &seen))?;
        Ok(Self { thread, progress })
    }
}

/// Copies an output to its end, or until nobody reads ours: the command is then told by its next write,
/// as it would be without us.
fn copy(
    mut from: impl Read,
    to: impl Fn(&[u8]) -> io::Result<()>,
    output: Output,
    backlog: &Backlog,
    progress: &Progress,
) {
    let (clock, mut splitter) = (Clock::system(), LineSplitter::default());
    let keep = |line: &[u8]| backlog.push(output, log::cleaned(line).message, clock.now());
    let mut chunk = vec![0; CHUNK];
    loop {
        progress.waits.store(true, Ordering::Release);
        let read = from.read(&mut chunk);
        progress.waits.store(false, Ordering::Release);
        progress.chunks.fetch_add(1, Ordering::AcqRel);
        let bytes = match read {
            Ok(0) => break,
            Ok(count) => &chunk[..count],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if to(bytes).is_err() {
            break;
        }
        splitter.feed(bytes, keep);
    }
    if let Some(line) = splitter.rest() {
        keep(&line);
    }
}
