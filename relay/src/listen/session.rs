//! One run of `relay listen`: deliveries come, calls are made, answers go back until they are confirmed.

use std::{
    collections::{HashMap, VecDeque},
    process::Stdio,
    time::{Duration, Instant},
};

use axum::http::Method;
use domain::{listener::HandedDelivery, secret::Secret};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    answer::CallAnswer,
    forward::Forward,
    screen::Wish,
    show::Show,
    wanted::{ListenError, Taken, Wanted},
};
use crate::{
    exit::{CommandError, Exit},
    live::{LiveClient, LiveNews, LiveSender},
    remote::Remote,
};

/// Calls that are under way at once.
const AT_ONCE: usize = 16;
/// The wait before something that the relay could not do is asked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// The time after which an answer that the relay has not confirmed is sent again.
const CONFIRMED: Duration = Duration::from_secs(20);
/// The longest time that calls under way are waited for after Ctrl-C.
const AT_END: Duration = Duration::from_secs(5);

/// A delivery that was handed to this program, and is not confirmed yet.
struct Handed {
    delivery: HandedDelivery,
    /// The answer, once there is one.
    answer: Option<CallAnswer>,
}

/// A delivery whose call is not begun yet.
struct Waiting {
    id: String,
    /// The time within which the call must end.
    until: Instant,
}

/// The state of one run.
pub(super) struct Session {
    wanted: Wanted,
    forward: Forward,
    show: Show,
    once: bool,
    listen: Value,
    /// The id of the listener's endpoint.
    endpoint: String,
    /// Whether the relay said that this program listens, since the last time that it was asked in vain.
    listens: bool,
    /// Whether more deliveries wait at the relay than were rung for.
    more: bool,
    /// The deliveries that were handed over, by id.
    handed: HashMap<String, Handed>,
    waiting: VecDeque<Waiting>,
    calls: JoinSet<(String, CallAnswer)>,
    /// The time at which to ask once more for what the relay could not do.
    ask_again: Option<Instant>,
    /// The exit of the run and the latest time of its end, once it is ending.
    ending: Option<(Exit, Instant)>,
    /// Whether Ctrl-C was pressed before.
    interrupted: bool,
}

impl Session {
    pub(super) fn new(
        wanted: Wanted,
        taken: Taken,
        forward: Forward,
        show: Show,
        once: bool,
    ) -> Self {
        let mut listen = json!({ "action": "listen", "listener": wanted.name,
            "application": taken.application });
        if let Some(after) = taken.skipped_before_ms {
            listen["after_ms"] = json!(after);
        }
        Self {
            wanted,
            forward,
            show,
            once,
            listen,
            endpoint: taken.endpoint_id,
            listens: false,
            more: false,
            handed: HashMap::new(),
            waiting: VecDeque::new(),
            calls: JoinSet::new(),
            ask_again: None,
            ending: None,
            interrupted: false,
        }
    }

    /// Listens until Ctrl-C, or with `--once` until one event was answered.
    ///
    /// # Errors
    /// If the relay refuses for good, another program takes over, or the output cannot be written.
    pub(super) async fn run(mut self) -> Result<Exit, ListenError> {
        let listen = self.listen.clone();
        let mut client = LiveClient::open(self.wanted.remote.clone(), move || vec![listen.clone()]);
        let sender = client.sender();
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            self.begin_calls();
            if self.handed.is_empty() && self.more && self.ending.is_none() {
                self.more = false;
                sender.send(self.listen.clone());
            }
            let end_at = self.ending.map(|(_, at)| at);
            if let Some((exit, at)) = self.ending
                && (self.handed.is_empty() || at <= Instant::now())
            {
                return Ok(exit);
            }
            let timer = [self.ask_again, end_at].into_iter().flatten().min();
            tokio::select! {
                news = client.next() => self.news(news?, &sender).await?,
                Some(done) = self.calls.join_next() => {
                    // A call that panicked is as one that was never made: its claim ends.
                    if let Ok((id, answer)) = done {
                        let success = self.answered(&id, answer, &sender)?;
                        if self.once {
                            self.end(if success { Exit::Done } else { Exit::Failed });
                        }
                    }
                }
                _ = &mut interrupt, if !self.interrupted => {
                    self.interrupted = true;
                    self.end(Exit::Interrupted);
                }
                key = self.show.key() => match self.show.press(key) {
                    Wish::Nothing => (),
                    Wish::Replay(event) => self.replay(&event).await,
                    Wish::Open(event) => self.open(&event),
                    Wish::Quit => self.end(Exit::Done),
                },
                () = until(timer) => self.ask_again(&sender),
            }
        }
    }

    /// Asks for a delivery of an event to this listener once more.
    async fn replay(&mut self, event: &str) {
        let path = format!("/v1/events/{event}/replay");
        let body = json!({ "endpoint": self.endpoint });
        let asked = self.wanted.remote.ask(Method::POST, &path, body.to_string().into_bytes());
        match asked.await {
            Ok(_) => self.show.note("sent again"),
            Err(error) => self.show.note(&format!("not sent again: {error}")),
        }
    }

    /// Opens the page of an event, as `relay open` does.
    fn open(&mut self, event: &str) {
        let Remote { url, key, context, data, .. } = &self.wanted.remote;
        let begun = std::env::current_exe().and_then(|program| {
            let mut command = std::process::Command::new(program);
            command.args(["open", event]);
            for (option, value) in [("--url", url), ("--context", context)] {
                if let Some(value) = value {
                    command.args([option, value]);
                }
            }
            if let Some(data) = data {
                command.arg("--data").arg(data);
            }
            // Other users can read a command line.
            if let Some(key) = key.as_ref().and_then(Secret::as_str) {
                command.env("RELAY_KEY", key);
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().map(drop)
        });
        match begun {
            Ok(()) => self.show.note("opening the page"),
            Err(why) => self.show.note(&format!("the page cannot be opened: {why}")),
        }
    }

    /// Ends once the calls under way are answered and confirmed, or after a while. What was not begun comes
    /// again, to whoever listens next.
    fn end(&mut self, exit: Exit) {
        for Waiting { id, .. } in self.waiting.drain(..) {
            self.handed.remove(&id);
        }
        self.ending.get_or_insert((exit, Instant::now() + AT_END));
    }

    /// Begins calls, as many as may be under way. One whose time is over is not begun: its delivery comes
    /// again.
    fn begin_calls(&mut self) {
        while self.calls.len() < AT_ONCE && !self.show.is_paused() {
            let Some(Waiting { id, until }) = self.waiting.pop_front() else { return };
            if until <= Instant::now() {
                self.handed.remove(&id);
                continue;
            }
            let Some(handed) = self.handed.get(&id) else { continue };
            let (forward, delivery) = (self.forward.clone(), handed.delivery.clone());
            self.calls.spawn(async move { (id, forward.call(&delivery, until).await) });
        }
    }

    /// Keeps an answer and sends it to the relay. Whether it was a success.
    fn answered(
        &mut self,
        id: &str,
        answer: CallAnswer,
        sender: &LiveSender,
    ) -> Result<bool, ListenError> {
        let Some(handed) = self.handed.get_mut(id) else { return Ok(false) };
        self.show.answered(&handed.delivery, &answer).map_err(CommandError::from)?;
        sender.send(answer.action(&handed.delivery, &handed.delivery.token));
        let success = answer.is_success();
        handed.answer = Some(answer);
        // One that is not confirmed in time is sent again.
        self.ask_again.get_or_insert(Instant::now() + CONFIRMED);
        Ok(success)
    }

    async fn news(&mut self, news: LiveNews, sender: &LiveSender) -> Result<(), ListenError> {
        match news {
            LiveNews::Connected { again: false } => Ok(()),
            LiveNews::Connected { again: true } => {
                self.show.note("connected again");
                self.repeat_answers(sender);
                self.stay_known().await
            }
            LiveNews::Lost { why, wait } => {
                let wait = wait.as_secs_f64();
                self.show.note(&format!("the connection is lost ({why}); again in {wait:.1} s"));
                Ok(())
            }
            LiveNews::Message(message) => self.message(message, sender).await,
        }
    }

    async fn message(&mut self, message: Value, sender: &LiveSender) -> Result<(), ListenError> {
        match message["event"].as_str() {
            Some("listening") => {
                self.listens = true;
                self.more = message["more"] == true;
            }
            Some("delivery") => match serde_json::from_value::<HandedDelivery>(message) {
                Ok(delivery) => self.take(delivery, sender),
                Err(error) => self.show.note(&format!("a delivery cannot be read: {error}")),
            },
            Some("confirmed") => {
                let id = message["delivery"].as_str().unwrap_or_default();
                if self.handed.get(id).is_some_and(|handed| handed.answer.is_some()) {
                    self.handed.remove(id);
                }
            }
            Some("taken_over") => {
                return Err(ListenError::TakenOver(self.wanted.name.clone()));
            }
            Some("error") => return self.refusal(&message).await,
            _ => (),
        }
        Ok(())
    }

    /// Takes a delivery that was handed over. One that is under way already has a new token: its claim had
    /// ended. One whose answer is known, and was not heard, is answered again and not called twice.
    fn take(&mut self, delivery: HandedDelivery, sender: &LiveSender) {
        let id = delivery.delivery.clone();
        if let Some(known) = self.handed.get_mut(&id)
            && known.delivery.attempt == delivery.attempt
        {
            known.delivery.token = delivery.token;
            if let Some(answer) = &known.answer {
                sender.send(answer.action(&known.delivery, &known.delivery.token));
            }
            return;
        }
        if self.ending.is_some() {
            return;
        }
        let until = Instant::now() + Duration::from_millis(delivery.timeout_ms);
        self.handed.insert(id.clone(), Handed { delivery, answer: None });
        self.waiting.push_back(Waiting { id, until });
    }

    async fn refusal(&mut self, message: &Value) -> Result<(), ListenError> {
        let why = message["message"].as_str().unwrap_or_default();
        match (message["action"].as_str(), message["code"].as_str()) {
            (_, Some("forbidden")) => Err(ListenError::Refused(why.to_owned())),
            // The listener was removed: it is made anew.
            (Some("listen"), Some("not_found")) => {
                self.wanted.take().await?;
                self.listens = false;
                self.ask_again = Some(Instant::now() + AGAIN);
                Ok(())
            }
            (Some(action @ ("listen" | "concluded")), Some("unavailable")) => {
                self.listens &= action != "listen";
                self.ask_again = Some(Instant::now() + AGAIN);
                Ok(())
            }
            _ => {
                self.show.note(&format!("the relay refuses: {why}"));
                Ok(())
            }
        }
    }

    /// Asks once more for what the relay could not do.
    fn ask_again(&mut self, sender: &LiveSender) {
        if self.ask_again.is_some_and(|at| at <= Instant::now()) {
            self.ask_again = None;
            if !self.listens {
                sender.send(self.listen.clone());
            }
            self.repeat_answers(sender);
        }
    }

    /// Sends the answers that the relay has not confirmed. One that arrived before changes nothing.
    fn repeat_answers(&self, sender: &LiveSender) {
        for handed in self.handed.values() {
            if let Some(answer) = &handed.answer {
                sender.send(answer.action(&handed.delivery, &handed.delivery.token));
            }
        }
    }

    /// Uses the listener again, so that it is not removed after seven days. That it fails now is no harm:
    /// every new connection tries.
    async fn stay_known(&mut self) -> Result<(), ListenError> {
        if let Err(error) = self.wanted.take().await {
            self.show.note(&format!("the relay does not know yet that this listens: {error}"));
        }
        Ok(())
    }
}

/// Waits until then; without a time, for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
