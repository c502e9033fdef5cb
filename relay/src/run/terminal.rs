//! The messages of `relay run` itself on standard error. They stand between the lines of the command, never
//! within one.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Standard error, which the command and relay share.
#[derive(Debug)]
pub(super) struct SharedStderr {
    /// Held while something is written.
    writing: Mutex<()>,
    /// Whether the last byte that was written ended a line.
    line_begins: AtomicBool,
    waiting: Mutex<Vec<String>>,
}

impl Default for SharedStderr {
    fn default() -> Self {
        Self {
            writing: Mutex::default(),
            line_begins: AtomicBool::new(true),
            waiting: Mutex::default(),
        }
    }
}

impl SharedStderr {
    /// Says something, now or when the command's line has ended. Does not wait for a write of the
    /// command's.
    pub(super) fn say(&self, what: &dyn std::fmt::Display) {
        let waiting = &mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(format!("relay: {what}\n"));
        if let Ok(_writing) = self.writing.try_lock()
            && self.line_begins.load(Ordering::Acquire)
        {
            print(mem::take(waiting));
        }
    }

    /// Writes a piece of the command's output.
    ///
    /// # Errors
    /// Fails if nobody reads standard error any more.
    pub(super) fn copy(&self, bytes: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        io::stderr().write_all(bytes)?;
        let line_begins = bytes.ends_with(b"\n");
        self.line_begins.store(line_begins, Ordering::Release);
        if line_begins {
            print(mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        Ok(())
    }

    /// Ends the command's last line, if there is something left to say, and says it.
    pub(super) fn finish(&self) {
        let waiting = &mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(_writing) = self.writing.try_lock()
            && !waiting.is_empty()
        {
            waiting.insert(0, "\n".to_owned());
            print(mem::take(waiting));
        }
    }
}

/// Prints to standard error. One that nobody reads is no reason to stop.
fn print(texts: Vec<String>) {
    if !texts.is_empty() {
        let _ = io::stderr().write_all(texts.concat().as_bytes());
    }
}
