//! The event that an alarm of the stack has changed its state. This function gets it and not the sweep:
//! an alarm watches whether the sweep is invoked, and such an event would end the silence.

use adapters::{
    Unavailable,
    table::{Table, WriteOutcome},
};
use domain::{
    alarm::{Alarm, AlarmState},
    time::Timestamp,
};
use serde_json::{Value, json};
use tracing::{info, warn};

/// The type of EventBridge's events about alarms.
const CHANGE: &str = "CloudWatch Alarm State Change";

/// Whether an event says that an alarm has changed its state.
pub fn is_change(event: &Value) -> bool {
    event["detail-type"] == CHANGE
}

/// Notes the new state of an alarm of the stack. An event about another stack's alarm is left alone.
///
/// # Errors
/// Fails if the state cannot be kept.
pub async fn note(table: &Table, event: &Value, stack: &str) -> Result<Value, Unavailable> {
    let Some(alarm) = read(event, stack) else {
        // The rule lets alarms of stacks through whose names begin with this one's.
        info!(alarm = event["detail"]["alarmName"].as_str(), "this alarm is not the stack's");
        return Ok(json!({ "alarm": null }));
    };
    match table.put_alarm(&alarm).await? {
        WriteOutcome::Done => {
            warn!(alarm = alarm.name, state = alarm.state.word(), "an alarm changed its state");
        }
        WriteOutcome::Refused => info!(alarm = alarm.name, "a later state is known"),
    }
    Ok(json!({ "alarm": alarm.name }))
}

/// The alarm that an event is about; `None` if it is none of this stack, or the event is of another form.
fn read(event: &Value, stack: &str) -> Option<Alarm> {
    let detail = &event["detail"];
    let name = Alarm::name_in(stack, detail["alarmName"].as_str()?)?;
    let state = AlarmState::of_cloudwatch(detail["state"]["value"].as_str()?)?;
    let since = moment(detail["state"]["timestamp"].as_str()?)
        .or_else(|| moment(event["time"].as_str()?))?;
    Some(Alarm::new(name, state, since, detail["state"]["reason"].as_str()))
}

/// A time as CloudWatch writes it: RFC 3339, but that the offset `+0000` has no colon.
fn moment(text: &str) -> Option<Timestamp> {
    let text =
        text.strip_suffix("+0000").map_or_else(|| text.to_owned(), |time| format!("{time}Z"));
    Timestamp::parse_rfc3339(&text)
}
