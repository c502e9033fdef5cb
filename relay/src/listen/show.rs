//! Deliveries as a person or a program reads them: one line per event, or a screen.

use std::io::{self, Write};

use adapters::clock::Clock;
use domain::listener::HandedDelivery;
use serde_json::json;

use super::{
    answer::CallAnswer,
    keys::{Key, Terminal},
    screen::{Screen, Wish},
};
use crate::output::{Output, Tone, shown};

/// Takes the other screen of the terminal, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
/// Gives the first screen of the terminal back, with its cursor.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// The size of a terminal that does not say.
const USUAL: (usize, usize) = (80, 24);

/// Prints events as they are answered, or shows them on a screen.
pub(super) struct Show {
    output: Output,
    screen: Option<(Screen, Terminal)>,
}

impl Show {
    /// Shows one line per event, and no screen.
    pub(super) const fn lines(output: Output) -> Self {
        Self { output, screen: None }
    }

    /// A screen with this title.
    pub(super) fn screen(output: Output, terminal: Terminal, title: String) -> Self {
        let show = Self { output, screen: Some((Screen::new(title), terminal)) };
        write(ENTER);
        show.draw();
        show
    }

    /// The next key of a screen; of lines, none ever.
    pub(super) async fn key(&mut self) -> Key {
        match &mut self.screen {
            Some((_, terminal)) => terminal.next().await,
            None => std::future::pending().await,
        }
    }

    /// Does what a key stands for, and says what is to be done elsewhere.
    pub(super) fn press(&mut self, key: Key) -> Wish {
        let wish = match &mut self.screen {
            Some((screen, _)) => screen.press(key),
            None => Wish::Nothing,
        };
        self.draw();
        wish
    }

    /// Whether calls wait because a person said so.
    pub(super) fn is_paused(&self) -> bool {
        self.screen.as_ref().is_some_and(|(screen, _)| screen.is_paused())
    }

    /// Says something to the person in front.
    pub(super) fn note(&mut self, text: &str) {
        match &mut self.screen {
            Some((screen, _)) => screen.say(text),
            None => self.output.note(text),
        }
        self.draw();
    }

    fn draw(&self) {
        if let Some((screen, _)) = &self.screen {
            let (width, height) = size();
            write(&screen.draw(&self.output, width, height));
        }
    }

    /// Shows an event and its answer.
    ///
    /// # Errors
    /// Fails if standard output cannot be written.
    pub(super) fn answered(
        &mut self,
        delivery: &HandedDelivery,
        answer: &CallAnswer,
    ) -> io::Result<()> {
        let now = Clock::system().now().rfc3339();
        let time = now.get(11..19).unwrap_or_default();
        if let Some((screen, _)) = &mut self.screen {
            screen.add(time, delivery, answer);
            self.draw();
            return Ok(());
        }
        let ms = answer.took.as_millis();
        if self.output.is_json() {
            let (status, error) = match answer.outcome {
                Ok(status) => (Some(status), None),
                Err(word) => (None, Some(word)),
            };
            return self.output.value(&json!({ "at": now, "event_id": delivery.event_id,
                "type": delivery.event_type, "delivery_id": delivery.delivery,
                "attempt": delivery.attempt, "status": status, "error": error,
                "ms": u64::try_from(ms).unwrap_or(u64::MAX), "answer": answer.text }));
        }
        let tone = if answer.is_success() { Tone::Good } else { Tone::Bad };
        let said = match answer.outcome {
            Ok(status) => status.to_string(),
            Err(word) => format!("{word}: {}", shown(&answer.text)),
        };
        let attempt = match delivery.attempt {
            1 => String::new(),
            number => format!("  attempt {number}"),
        };
        let (kind, event) = (shown(&delivery.event_type), shown(&delivery.event_id));
        let said = self.output.toned(tone, &said);
        self.output.line(&format!("{time}  {kind:<24}  {event}  {said}  {ms} ms{attempt}"))
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        if self.screen.is_some() {
            write(LEAVE);
        }
    }
}

/// Writes to the terminal. That it cannot be written ends nothing: its reader is gone.
fn write(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Columns and rows of the terminal.
#[cfg(unix)]
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col != 0 && size.ws_row != 0 => {
            (size.ws_col.into(), size.ws_row.into())
        }
        _ => USUAL,
    }
}

#[cfg(not(unix))]
const fn size() -> (usize, usize) {
    USUAL
}
