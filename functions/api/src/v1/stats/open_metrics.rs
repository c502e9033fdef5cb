//! Totals in the text format of OpenMetrics 1.0, which Prometheus reads.

use std::fmt::Write;

use domain::{
    figures::{BOUNDS_MS, Counter, Figure, Figures, Measure},
    retry::ErrorClass,
};

/// The media type of the format.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters: the name without `_total`, what it counts, and the figure.
const COUNTERS: [(&str, &str, Counter); 8] = [
    ("relay_received", "Requests of sources that were accepted and recorded.", Counter::Received),
    ("relay_duplicates", "Requests that repeated an earlier one.", Counter::Duplicates),
    ("relay_conflicts", "Requests with a known key and other bytes.", Counter::Conflicts),
    ("relay_refused", "Requests of sources that were refused.", Counter::Refused),
    ("relay_announced", "Events of sources that subscribers receive.", Counter::Announced),
    ("relay_attempts", "Attempts of deliveries.", Counter::Attempts),
    ("relay_delivered", "Deliveries that arrived.", Counter::Delivered),
    ("relay_parked", "Deliveries that became dead letters.", Counter::Parked),
];

/// Histograms: the name, what it measures, and the figures.
type Measured = (&'static str, &'static str, fn(Measure) -> Figure);
const HISTOGRAMS: [Measured; 2] = [
    (
        "relay_first_attempt_seconds",
        "Time from the arrival of an event to the first attempt of a delivery.",
        Figure::FirstAttempt,
    ),
    (
        "relay_delivery_seconds",
        "Time from the arrival of an event to its delivery.",
        Figure::Delivery,
    ),
];

/// The metrics of applications, each by its name.
pub(super) fn print(totals: &[(String, Figures)]) -> String {
    let mut text = String::new();
    for (name, help, counter) in COUNTERS {
        head(&mut text, name, "counter", help);
        for (application, figures) in totals {
            let count = figures.get(Figure::Count(counter));
            line(&mut text, &format!("{name}_total"), application, "", count);
        }
    }
    head(
        &mut text,
        "relay_failed",
        "counter",
        "Attempts that failed, by the class of the failure.",
    );
    for (application, figures) in totals {
        for class in ErrorClass::ALL {
            let count = figures.get(Figure::Count(Counter::Failed(class)));
            if count != 0 {
                let class = format!(",class=\"{}\"", class.word());
                line(&mut text, "relay_failed_total", application, &class, count);
            }
        }
    }
    for (name, help, measure) in HISTOGRAMS {
        head(&mut text, name, "histogram", help);
        add(&mut text, format_args!("# UNIT {name} seconds\n"));
        for (application, figures) in totals {
            histogram(&mut text, name, application, figures, measure);
        }
    }
    text.push_str("# EOF\n");
    text
}

/// Appends to a text. Writing to memory cannot fail.
fn add(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    add(text, format_args!("# TYPE {name} {kind}\n# HELP {name} {help}\n"));
}

fn line(
    text: &mut String,
    name: &str,
    application: &str,
    more: &str,
    value: impl std::fmt::Display,
) {
    let application = escaped(application);
    add(text, format_args!("{name}{{application=\"{application}\"{more}}} {value}\n"));
}

fn histogram(
    text: &mut String,
    name: &str,
    application: &str,
    figures: &Figures,
    measure: fn(Measure) -> Figure,
) {
    let histogram = figures.histogram(measure);
    let bounds = BOUNDS_MS.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
    let mut below = 0_u64;
    for (bound, count) in bounds.zip(histogram.buckets) {
        below = below.saturating_add(count);
        let bound = format!(",le=\"{bound}\"");
        line(text, &format!("{name}_bucket"), application, &bound, below);
    }
    line(text, &format!("{name}_count"), application, "", below);
    line(text, &format!("{name}_sum"), application, "", seconds(histogram.sum_ms));
}

/// Milliseconds as seconds with the digits that they need, such as `0.001` or `900.0`.
fn seconds(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// The value of a label, escaped as the format asks for.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn totals_are_printed_as_the_format_asks_for() {
        let mut figures = Figures::default();
        figures.count(Counter::Received, None);
        figures.count(Counter::Failed(ErrorClass::Timeout), None);
        for millis in [0, 30, 2_000_000] {
            figures.measure(Figure::Delivery, Duration::from_millis(millis));
        }
        let text = print(&[("a\"c\\me\n".to_owned(), figures)]);
        for line in [
            "# TYPE relay_received counter",
            r#"relay_received_total{application="a\"c\\me\n"} 1"#,
            r#"relay_failed_total{application="a\"c\\me\n",class="timeout"} 1"#,
            "# UNIT relay_delivery_seconds seconds",
            r#"relay_delivery_seconds_bucket{application="a\"c\\me\n",le="0.001"} 1"#,
            r#"relay_delivery_seconds_bucket{application="a\"c\\me\n",le="0.05"} 2"#,
            r#"relay_delivery_seconds_bucket{application="a\"c\\me\n",le="900.0"} 2"#,
            r#"relay_delivery_seconds_bucket{application="a\"c\\me\n",le="+Inf"} 3"#,
            r#"relay_delivery_seconds_count{application="a\"c\\me\n"} 3"#,
            r#"relay_delivery_seconds_sum{application="a\"c\\me\n"} 2000.03"#,
            r#"relay_first_attempt_seconds_sum{application="a\"c\\me\n"} 0.0"#,
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line} in\n{text}");
        }
        assert!(text.ends_with("\n# EOF\n"));
    }
}
