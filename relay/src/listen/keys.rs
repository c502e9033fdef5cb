//! The keys of the interactive screen, and the terminal that gives them one by one.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A key that the screen understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// `j`, arrow down: the event below.
    Down,
    /// `k`, arrow up: the event above.
    Up,
    /// Enter: details, or no details.
    Enter,
    /// `r`: send the event again.
    Replay,
    /// `o`: open the event in the page.
    Open,
    /// `p`: make no calls, or make calls again.
    Pause,
    /// `q`: end the program.
    Quit,
}

/// The keys in what a terminal sent. Unknown ones are left out.
pub(super) fn keys(mut bytes: &[u8]) -> Vec<Key> {
    let mut found = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        let (key, rest) = match (*first, rest) {
            (0x1b, [b'[' | b'O', b'A', rest @ ..]) => (Some(Key::Up), rest),
            (0x1b, [b'[' | b'O', b'B', rest @ ..]) => (Some(Key::Down), rest),
            // Other sequences end with a letter or `~`.
            (0x1b, [b'[' | b'O', rest @ ..]) => {
                let end = rest.iter().position(|byte| byte.is_ascii_alphabetic() || *byte == b'~');
                (None, &rest[end.map_or(rest.len(), |end| end + 1)..])
            }
            (b'j', rest) => (Some(Key::Down), rest),
            (b'k', rest) => (Some(Key::Up), rest),
            (b'\r' | b'\n', rest) => (Some(Key::Enter), rest),
            (b'r', rest) => (Some(Key::Replay), rest),
            (b'o', rest) => (Some(Key::Open), rest),
            (b'p', rest) => (Some(Key::Pause), rest),
            (b'q', rest) => (Some(Key::Quit), rest),
            (_, rest) => (None, rest),
        };
        found.extend(key);
        bytes = rest;
    }
    found
}

/// A terminal whose keys come one by one and are not printed. It is as before when this is dropped.
pub(super) struct Terminal {
    keys: UnboundedReceiver<Key>,
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl Terminal {
    /// Takes the terminal over; `None` if standard input and output are not one.
    #[cfg(unix)]
    pub(super) fn enter() -> Option<Self> {
        use std::io::{IsTerminal, Read, stdin, stdout};

        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        if !(stdin().is_terminal() && stdout().is_terminal()) {
            return None;
        }
        let before = tcgetattr(stdin()).ok()?;
        let mut single = before.clone();
        // Ctrl-C stays what it is.
        single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Flush, &single).ok()?;
        let (tell, heard) = unbounded_channel();
        // A thread of its own: a read of a terminal cannot be given up, and ends with the process.
        std::thread::spawn(move || {
            let mut bytes = [0; 64];
            while let Ok(count) = stdin().lock().read(&mut bytes) {
                if count == 0
                    || keys(&bytes[..count]).into_iter().any(|key| tell.send(key).is_err())
                {
                    return;
                }
            }
        });
        Some(Self { keys: heard, before })
    }

    /// Takes the terminal over: not on this system.
    #[cfg(not(unix))]
    pub(super) const fn enter() -> Option<Self> {
        None
    }

    /// The next key. Without a terminal, none ever comes.
    pub(super) async fn next(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
impl Drop for Terminal {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_arrows_are_keys_and_other_sequences_are_none() {
        use Key::{Down, Enter, Open, Pause, Quit, Replay, Up};
        assert_eq!(keys(b"jk\nropq"), [Down, Up, Enter, Replay, Open, Pause, Quit]);
        assert_eq!(keys(b"\x1b[A\x1bOB\n"), [Up, Down, Enter]);
        assert_eq!(keys(b"\x1b[5~\x1b[1;2Aq\x1b\xffx"), [Quit]);
        assert!(keys(b"\x1b[12").is_empty());
    }
}
