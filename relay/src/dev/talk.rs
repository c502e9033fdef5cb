//! The lines of a running `relay dev`: one for each request of a sender and one for each attempt of a
//! delivery, made of the structured events of [`adapters::access`].
//!
//! The relay never waits for its terminal: lines go to a thread of their own, and where they come faster
//! than they are read, the newest are left out and counted.

use std::{
    fmt,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use adapters::{access, clock::Clock};
use domain::time::Timestamp;
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, filter::Targets, layer::Context};

/// Lines that wait for the terminal.
const WAITING: usize = 1024;
/// Widest source, type or host in a line, in characters; what is longer is cut.
const WIDEST: usize = 60;

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TalkForm {
    /// Text in columns that people read.
    Text,
    /// One JSON object per line.
    Json,
}

/// Prints a line for each request in and each attempt out.
pub(super) struct Talk {
    form: TalkForm,
    lines: SyncSender<String>,
    left_out: Arc<AtomicU64>,
}

impl Talk {
    /// Starts the thread that writes to `output`.
    pub(super) fn start(form: TalkForm, output: impl Write + Send + 'static) -> Self {
        let (lines, waiting) = sync_channel(WAITING);
        let left_out = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&left_out);
        std::thread::spawn(move || write(output, &waiting, &counted, form));
        Self { form, lines, left_out }
    }
}

/// The filter of the layer: nothing but the access log.
pub(super) fn heard() -> Targets {
    Targets::new().with_target(access::TARGET, Level::DEBUG)
}

/// Writes lines until no more can come, or the output is closed.
fn write(mut output: impl Write, lines: &Receiver<String>, left_out: &AtomicU64, form: TalkForm) {
    while let Ok(line) = lines.recv() {
        let count = left_out.swap(0, Ordering::Relaxed);
        let gap = match (count, form) {
            (0, _) => String::new(),
            (count, TalkForm::Text) => format!("… {count} lines left out\n"),
            (count, TalkForm::Json) => format!("{{\"left_out\":{count}}}\n"),
        };
        if writeln!(output, "{gap}{line}").and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}

impl<S: Subscriber> Layer<S> for Talk {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = fields.line(self.form, Clock::system().now());
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The fields of one event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

impl Fields {
    fn line(mut self, form: TalkForm, now: Timestamp) -> String {
        if form == TalkForm::Json {
            self.0.insert("at".to_owned(), now.rfc3339().into());
            return Value::Object(self.0).to_string();
        }
        let clock = now.rfc3339();
        let clock = clock.get(11..23).unwrap_or_default();
        match self.text("direction") {
            "out" => format!("{clock} out {}", self.attempt(now)),
            _ => format!("{clock} in  {}", self.request()),
        }
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// `stripe  stripe.invoice.paid  200  3 ms  evt_…`, or the reason of a refusal.
    fn request(&self) -> String {
        let source = match self.0.get("published") {
            Some(_) => "(API)".to_owned(),
            None => plain(self.text("source")),
        };
        let outcome = match self.text("reason") {
            "" => plain(self.text("event_type")),
            reason => format!("refused: {}", plain(reason)),
        };
        let status = self.number("status").map(|it| it.to_string()).unwrap_or_default();
        let ms = self.number("ms").map(|ms| format!("{ms} ms")).unwrap_or_default();
        columns(&source, &outcome, &status, &ms, self.text("event"))
    }

    /// `http://127.0.0.1:9000  stripe.invoice.paid  503  3 ms  evt_…  next in 5 s`.
    fn attempt(&self, now: Timestamp) -> String {
        let host = plain(self.text("host"));
        let status = self.number("status").map(|it| it.to_string());
        let status = status.unwrap_or_else(|| plain(self.text("error")));
        let ms = self.number("ms").map(|ms| format!("{ms} ms")).unwrap_or_default();
        let after = match (self.text("state"), Timestamp::parse_rfc3339(self.text("next_at"))) {
            (_, Some(next)) => {
                format!("{}  next in {}", self.text("event"), seconds(next.since(now).as_millis()))
            }
            ("dead", None) => format!("{}  dead letter", self.text("event")),
            _ => self.text("event").to_owned(),
        };
        columns(&host, &plain(self.text("event_type")), &status, &ms, &after)
    }
}

fn columns(who: &str, what: &str, status: &str, ms: &str, more: &str) -> String {
    format!("{who:<24} {what:<28} {status:<8} {ms:>7}  {more}").trim_end().to_owned()
}

/// A duration in words: `0.5 s`, `5 s`, `2 min`.
fn seconds(millis: u128) -> String {
    match millis {
        0..1000 => format!("0.{} s", millis / 100),
        1000..120_000 => format!("{} s", (millis + 500) / 1000),
        _ => format!("{} min", (millis + 30_000) / 60_000),
    }
}

/// A text that strangers may have chosen, without control characters and cut: it cannot steer the
/// terminal.
fn plain(text: &str) -> String {
    let shown = |char: char| match char {
        char if char.is_control() || is_invisible(char) => '\u{fffd}',
        char => char,
    };
    let mut cut: String = text.chars().take(WIDEST).map(shown).collect();
    if WIDEST < text.chars().count() {
        cut.push('…');
    }
    cut
}

/// Whether a character changes how others are shown: marks of direction and format.
const fn is_invisible(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Mutex, PoisonError},
        time::{Duration, Instant},
    };

    use serde_json::json;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_123);

    fn line(fields: Value) -> String {
        let Value::Object(fields) = fields else { panic!("an object") };
        Fields(fields).line(TalkForm::Text, NOW)
    }

    #[test]
    fn a_line_says_when_who_what_and_how_long() {
        let call = json!({ "direction": "in", "source": "stripe", "status": 200, "ms": 3,
            "event": "evt_1", "event_type": "stripe.invoice.paid" });
        let wanted = "08:00:00.123 in  stripe                   stripe.invoice.paid          200         3 ms  evt_1";
        assert_eq!(line(call), wanted);
        let refused = json!({ "direction": "in", "source": "stripe", "status": 401, "ms": 1,
            "reason": "no secret matches the signature" });
        assert!(line(refused).contains("refused: no secret matches the signature 401"), "{wanted}");
        let next = NOW.plus(Duration::from_secs(5)).rfc3339();
        let failed = json!({ "direction": "out", "host": "http://127.0.0.1:9000", "status": 503, "ms": 2,
            "event": "evt_1", "event_type": "a.b", "state": "pending", "next_at": next });
        assert!(line(failed).ends_with("503         2 ms  evt_1  next in 5 s"), "{wanted}");
        let dead = json!({ "direction": "out", "host": "http://127.0.0.1:9000", "error": "connect",
            "ms": 0, "event": "evt_1", "event_type": "a.b", "state": "dead" });
        assert!(line(dead).ends_with("connect     0 ms  evt_1  dead letter"), "{wanted}");
        let published =
            json!({ "direction": "in", "published": true, "event": "evt_1", "event_type": "a.b" });
        assert!(line(published).contains("(API)"), "{wanted}");
    }

    #[test]
    fn a_stranger_cannot_steer_the_terminal() {
        let evil = format!("\u{1b}]0;x\u{7}\n\u{202e}{}", "y".repeat(500));
        let call =
            json!({ "direction": "in", "source": evil, "status": 401, "ms": 1, "reason": evil });
        let line = line(call);
        assert!(
            !line.contains(['\u{1b}', '\u{7}', '\n', '\u{202e}']) && line.len() < 400,
            "{line}"
        );
        let call = json!({ "direction": "in", "source": evil });
        let Value::Object(fields) = call else { panic!("an object") };
        let json = Fields(fields).line(TalkForm::Json, NOW);
        assert!(!json.contains(['\u{1b}', '\n']), "{json}");
    }

    /// An output that stands still while the test holds its lock.
    #[derive(Clone, Default)]
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_stands_still_delays_nobody_and_is_told_what_it_missed() {
        let output = Slow::default();
        let held = output.0.lock().unwrap_or_else(PoisonError::into_inner);
        let layer = Talk::start(TalkForm::Text, output.clone()).with_filter(heard());
        let subscriber = tracing_subscriber::registry().with(layer);
        let all = 3 * WAITING;
        let call = |source: &str| {
            access::called(&access::SenderCall { source, ..Default::default() });
        };
        tracing::subscriber::with_default(subscriber, || {
            (0..all).for_each(|n| call(&format!("s{n}")));
            drop(held);
            let written = || output.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let deadline = Instant::now() + Duration::from_secs(30);
            // One line more brings the count of those that were left out. The writer may have begun while
            // lines were left out already: then it has told a part of them before.
            let mut count = 0;
            while count < all - WAITING - 2 {
                assert!(Instant::now() < deadline, "{count} were told to be left out");
                call("last");
                std::thread::yield_now();
                let text = String::from_utf8_lossy(&written()).into_owned();
                let told = text.lines().filter(|line| line.contains("lines left out"));
                let counts = told.filter_map(|line| line.split_whitespace().nth(1));
                count = counts.filter_map(|count| count.parse::<usize>().ok()).sum();
            }
        });
    }
}
