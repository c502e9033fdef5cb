//! `relay stats`: counts and times over a span of time.

use clap::Parser;
use http::Method;
use serde_json::{Value, value::RawValue};

use crate::{
    exit::{CommandError, Exit},
    moment,
    output::{Column, Output, OutputArgs, Table, Tone},
    remote::{Remote, RemoteError},
    resources::request::Query,
};

/// The arguments of `relay stats`.
#[derive(Clone, Debug, Parser)]
#[command(after_help = "Example:\n  relay stats --since 24h --step 1h")]
pub struct StatsArgs {
    /// From this time on: 2h for two hours ago, or RFC 3339.
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub since: String,
    /// Before this time, in the same form. The default is now.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Length of one row, such as 1m, 1h or 1d. The relay chooses if it is not given.
    #[arg(long)]
    pub step: Option<String>,
    /// Only this application, by id or uid.
    #[arg(long, value_name = "ID")]
    pub application: Option<String>,
    /// Only this source.
    #[arg(long)]
    pub source: Option<String>,
    /// Only this endpoint.
    #[arg(long, value_name = "ID")]
    pub endpoint: Option<String>,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A column: its title, where its numbers are, and whether they add up.
type Figures = (&'static str, &'static str, bool);

const FIGURES: [Figures; 9] = [
    ("RECEIVED", "/series/received", true),
    ("REFUSED", "/series/refused", true),
    ("ATTEMPTS", "/series/attempts", true),
    ("DELIVERED", "/series/delivered", true),
    ("FAILED", "/series/failed", true),
    ("PARKED", "/series/parked", true),
    ("P50 MS", "/delivered_ms/p50", false),
    ("P95 MS", "/delivered_ms/p95", false),
    ("P99 MS", "/delivered_ms/p99", false),
];

/// Prints a row per step, and the sums.
///
/// # Errors
/// [`CommandError`] if a time cannot be read, or the relay does not answer or refuses.
pub async fn run(args: &StatsArgs) -> Result<Exit, CommandError> {
    let out = Output::new(args.output);
    let mut query = Query::default();
    query.add("since", &moment::parse(&args.since)?);
    query.add_some("until", args.until.as_deref().map(moment::parse).transpose()?.as_deref());
    query.add_some("step", args.step.as_deref());
    query.add_some("application", args.application.as_deref());
    query.add_some("source", args.source.as_deref());
    query.add_some("endpoint", args.endpoint.as_deref());
    let path = format!("/v1/stats?{}", query.0);
    let answer = args.remote.ask(Method::GET, &path, Vec::new()).await?;
    let raw: Box<RawValue> = answer.json()?;
    if out.is_json() {
        out.raw(&raw)?;
        return Ok(Exit::Done);
    }
    let stats: Value = serde_json::from_str(raw.get()).map_err(RemoteError::Unreadable)?;
    table(&stats).print(&out, false)?;
    if stats["approximate"] == true {
        out.note("counts are approximate: an instance that died took some with it");
    }
    Ok(Exit::Done)
}

fn table(stats: &Value) -> Table {
    let mut columns = vec![Column::time("TIME")];
    columns.extend(FIGURES.map(|(title, ..)| Column::number(title)));
    let mut table = Table::new(columns);
    let times = stats["times"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut sums = [0; FIGURES.len()];
    for (at, time) in times.iter().enumerate() {
        let mut cells = vec![(time.as_str().unwrap_or("-").to_owned(), Tone::Faint)];
        for (sum, (_, path, adds_up)) in sums.iter_mut().zip(FIGURES) {
            let number = stats.pointer(path).and_then(|series| figure(series, at));
            *sum += if adds_up { number.unwrap_or_default() } else { 0 };
            cells.push(number.map_or(("-".to_owned(), Tone::Faint), |number| {
                (number.to_string(), if number == 0 { Tone::Faint } else { Tone::Plain })
            }));
        }
        table.row(cells);
    }
    let sums = sums.iter().zip(FIGURES).map(|(sum, (_, _, adds_up))| {
        (if adds_up { sum.to_string() } else { String::new() }, Tone::Strong)
    });
    table.row(std::iter::once(("all".to_owned(), Tone::Strong)).chain(sums));
    table
}

/// The number of a step; of failures, which are listed by class, their sum.
fn figure(series: &Value, at: usize) -> Option<u64> {
    match series {
        Value::Array(numbers) => {
            let number = numbers.get(at)?;
            number.as_u64().or_else(|| number.as_f64().map(|number| number.round() as u64))
        }
        Value::Object(classes) => {
            Some(classes.values().filter_map(|series| figure(series, at)).sum())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_figure_is_that_of_its_step_and_failures_add_up() {
        let failed = json!({ "timeout": [1, 2], "dns": [0, 5] });
        assert_eq!(figure(&failed, 1), Some(7));
        assert_eq!(figure(&json!([3, null, 4.6]), 0), Some(3));
        assert_eq!(figure(&json!([3, null, 4.6]), 1), None);
        assert_eq!(figure(&json!([3, null, 4.6]), 2), Some(5));
        assert_eq!(figure(&json!([3]), 9), None);
    }
}
