//! The interactive screen: the newest events in a list, one of them chosen, and its details.

use std::collections::VecDeque;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::listener::HandedDelivery;
use serde_json::Value;

use super::{answer::CallAnswer, keys::Key};
use crate::output::{Output, Tone, cut, shown};

/// The most events that the screen keeps.
const KEPT: usize = 500;
/// Lines of the screen that are not events: two above, one below.
const FRAME: usize = 3;

/// A wish of the user that the screen cannot fulfil itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The screen itself did all that the key asks for.
    Nothing,
    /// The event of this id once more.
    Replay(String),
    /// The page of the event of this id.
    Open(String),
    /// The end.
    Quit,
}

/// An attempt of a delivery.
struct Row {
    time: String,
    delivery: HandedDelivery,
    answer: Option<CallAnswer>,
}

/// The state of the screen.
pub(super) struct Screen {
    title: String,
    /// The events, the newest first.
    rows: VecDeque<Row>,
    chosen: usize,
    details: bool,
    paused: bool,
    said: String,
}

impl Screen {
    /// A screen with this title and no events.
    pub(super) fn new(title: String) -> Self {
        let rows = VecDeque::new();
        Self { title, rows, chosen: 0, details: false, paused: false, said: String::new() }
    }

    /// Whether the user has paused the calls.
    pub(super) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Shows a sentence in the last line.
    pub(super) fn say(&mut self, text: &str) {
        text.clone_into(&mut self.said);
    }

    /// Shows an attempt and its answer. The chosen event stays chosen.
    pub(super) fn add(&mut self, time: &str, delivery: &HandedDelivery, answer: &CallAnswer) {
        let (time, delivery) = (time.to_owned(), delivery.clone());
        self.rows.push_front(Row { time, delivery, answer: Some(answer.clone()) });
        self.rows.truncate(KEPT);
        if 0 < self.chosen || self.details {
            self.chosen = (self.chosen + 1).min(self.rows.len() - 1);
        }
    }

    /// Does what a key stands for, and says what is to be done elsewhere.
    pub(super) fn press(&mut self, key: Key) -> Wish {
        self.said.clear();
        let event = |rows: &VecDeque<Row>, chosen: usize| {
            rows.get(chosen).map(|row| row.delivery.event_id.clone())
        };
        match key {
            Key::Down => self.chosen = (self.chosen + 1).min(self.rows.len().saturating_sub(1)),
            Key::Up => self.chosen = self.chosen.saturating_sub(1),
            Key::Enter => self.details = !self.details && !self.rows.is_empty(),
            Key::Pause => self.paused = !self.paused,
            Key::Replay => {
                return event(&self.rows, self.chosen).map_or(Wish::Nothing, Wish::Replay);
            }
            Key::Open => return event(&self.rows, self.chosen).map_or(Wish::Nothing, Wish::Open),
            Key::Quit => return Wish::Quit,
        }
        Wish::Nothing
    }

    /// The screen as text for a terminal of this size.
    pub(super) fn draw(&self, output: &Output, width: usize, height: usize) -> String {
        let mut lines = vec![output.toned(Tone::Strong, &cut(&shown(&self.title), width))];
        let keys = match (self.paused, self.details) {
            (true, _) => "paused: p goes on   q ends",
            (false, true) => "Enter: the list   r: again   o: open   p: pause   q: end",
            (false, false) => {
                "j k: choose   Enter: details   r: again   o: open   p: pause   q: end"
            }
        };
        lines.push(output.toned(Tone::Faint, &cut(keys, width)));
        let room = height.saturating_sub(FRAME).max(1);
        match self.rows.get(self.chosen).filter(|_| self.details) {
            Some(row) => lines.extend(details(row, width, room)),
            None => {
                let first = (self.chosen + 1).saturating_sub(room);
                let rows = self.rows.iter().enumerate().skip(first).take(room);
                lines.extend(
                    rows.map(|(place, row)| line(row, place == self.chosen, output, width)),
                );
            }
        }
        lines.resize(lines.len().max(height.saturating_sub(1)), String::new());
        lines.push(cut(&shown(&self.said), width).into_owned());
        // From the top, each line to its end, and nothing below.
        let body: String = lines.iter().map(|line| format!("{line}\x1b[K\r\n")).collect();
        format!("\x1b[H{}\x1b[J", body.trim_end_matches("\r\n"))
    }
}

/// One line of the list.
fn line(row: &Row, chosen: bool, output: &Output, width: usize) -> String {
    let Row { time, delivery, answer } = row;
    let (said, tone) = match answer {
        None => ("…".to_owned(), Tone::Faint),
        Some(answer) => {
            let ms = answer.took.as_millis();
            let said = match answer.outcome {
                Ok(status) => format!("{status}  {ms} ms"),
                Err(word) => format!("{word}  {ms} ms"),
            };
            (said, if answer.is_success() { Tone::Good } else { Tone::Bad })
        }
    };
    let mark = if chosen { ">" } else { " " };
    let (kind, event) = (shown(&delivery.event_type), shown(&delivery.event_id));
    let text = format!("{mark} {time}  {kind:<24}  {event}  {said}");
    let text = cut(&text, width).into_owned();
    match chosen {
        true => output.toned(Tone::Strong, &text),
        false => output.toned(tone, &text),
    }
}

/// The request and the answer of an event, as many lines as there is room for.
fn details(row: &Row, width: usize, room: usize) -> Vec<String> {
    let HandedDelivery { event_id, event_type, attempt, request, delivery, .. } = &row.delivery;
    let mut lines = vec![
        format!("{event_type}  {event_id}  {delivery}  attempt {attempt}"),
        format!("{} {}", request.method, request.path),
    ];
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.push(String::new());
    let body = request.body_base64.as_deref().map(|text| STANDARD.decode(text).unwrap_or_default());
    match body {
        None => lines.push("(the body is too large to be shown here)".to_owned()),
        Some(body) => lines.extend(readable(&body)),
    }
    if let Some(answer) = &row.answer {
        lines.push(String::new());
        let ms = answer.took.as_millis();
        lines.push(match answer.outcome {
            Ok(status) => format!("answered {status} after {ms} ms"),
            Err(word) => format!("no answer: {word}, after {ms} ms"),
        });
        lines.extend(answer.text.lines().map(str::to_owned));
    }
    let rest = lines.len().saturating_sub(room);
    if 0 < rest {
        lines.truncate(room.saturating_sub(1));
        lines.push(format!("… {} more lines", rest + 1));
    }
    lines.iter().map(|line| cut(&shown(line), width).into_owned()).collect()
}

/// A body as lines: JSON with indentation, other text as it is.
fn readable(body: &[u8]) -> Vec<String> {
    let pretty = serde_json::from_slice::<Value>(body).ok();
    let pretty = pretty.and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = pretty.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    text.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::listener::HandedRequest;

    use super::*;
    use crate::output::OutputArgs;

    fn delivery(event: &str, kind: &str) -> HandedDelivery {
        let headers = [("webhook-id".to_owned(), event.to_owned())].into();
        HandedDelivery {
            listener: "ann".to_owned(),
            delivery: format!("dlv_{event}"),
            token: "t".to_owned(),
            attempt: 1,
            event_id: event.to_owned(),
            event_type: kind.to_owned(),
            timeout_ms: 1000,
            request: HandedRequest::post(headers, br#"{"a":1}"#, String::new),
        }
    }

    fn screen() -> Screen {
        let mut screen = Screen::new("listening as ann".to_owned());
        let answer = CallAnswer::answered(200, Duration::from_millis(7), "ok".to_owned());
        for number in 1..=3 {
            let delivery = delivery(&format!("evt_{number}"), "order.paid");
            screen.add("12:00:00", &delivery, &answer);
        }
        screen
    }

    /// The text that a person sees, without the sequences that place it.
    fn seen(screen: &Screen) -> String {
        let drawn = screen.draw(&Output::new(OutputArgs::default()), 80, 24);
        drawn.replace("\x1b[H", "").replace("\x1b[K", "").replace("\x1b[J", "").replace('\r', "")
    }

    #[test]
    fn the_newest_comes_first_and_what_is_chosen_stays_chosen() {
        let mut screen = screen();
        let text = seen(&screen);
        let place = |id: &str| text.find(id).expect("shown");
        assert!(place("> 12:00:00") < place("evt_3") && place("evt_3") < place("evt_1"), "{text}");
        assert_eq!(screen.press(Key::Down), Wish::Nothing);
        assert_eq!(screen.press(Key::Replay), Wish::Replay("evt_2".to_owned()));
        let failed = CallAnswer::failed(domain::retry::ErrorClass::Connect, "refused".to_owned());
        screen.add("12:00:01", &delivery("evt_4", "order.paid"), &failed);
        assert_eq!(screen.press(Key::Open), Wish::Open("evt_2".to_owned()));
        for _ in 0..9 {
            screen.press(Key::Up);
        }
        assert_eq!(screen.press(Key::Replay), Wish::Replay("evt_4".to_owned()));
        assert!(seen(&screen).contains("connect"));
    }

    #[test]
    fn details_show_the_request_and_the_answer_and_control_no_terminal() {
        let mut screen = screen();
        let answer = CallAnswer::answered(500, Duration::ZERO, "\x1b]0;planted\x07".to_owned());
        screen.add("12:00:02", &delivery("evt_9", "a\x1b[31m.b"), &answer);
        screen.press(Key::Enter);
        let text = seen(&screen);
        for part in ["evt_9", "POST /", "webhook-id: evt_9", "\"a\": 1", "answered 500"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\x1b') && !text.contains('\x07'), "{text:?}");
        screen.press(Key::Enter);
        assert!(!seen(&screen).contains('\x1b'));
        assert!(!screen.is_paused());
        screen.press(Key::Pause);
        assert!(screen.is_paused() && seen(&screen).contains("paused"));
        assert_eq!(screen.press(Key::Quit), Wish::Quit);
    }

    #[test]
    fn an_empty_screen_has_nothing_to_choose() {
        let mut screen = Screen::new("listening".to_owned());
        for key in [Key::Up, Key::Down, Key::Enter, Key::Replay, Key::Open] {
            assert_eq!(screen.press(key), Wish::Nothing, "{key:?}");
        }
        assert!(seen(&screen).starts_with("listening"));
    }
}
