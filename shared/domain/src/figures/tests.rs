//! Figures: codes, what fits into an item, histograms and steps.

use super::*;
use crate::{
    id::{EndpointId, SourceId},
    retry::ErrorClass,
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn endpoint(number: usize) -> Subject {
    Subject::endpoint(&EndpointId::derive(&[&number.to_string()]))
}

fn every_figure() -> Vec<Figure> {
    let subjects = [Subject::source(&SourceId::derive(&["a"])), endpoint(1)];
    let parts = subjects.into_iter().flat_map(|subject| {
        Counter::all().filter_map(move |counter| Part::of(subject, counter)).map(Figure::Part)
    });
    let buckets = (0..=u8::try_from(BOUNDS_MS.len()).expect("few")).map(Measure::Bucket);
    let measures: Vec<_> = buckets.chain([Measure::SumMs]).collect();
    let times = measures.iter().flat_map(|m| [Figure::FirstAttempt(*m), Figure::Delivery(*m)]);
    Counter::all().map(Figure::Count).chain(times).chain(parts).collect()
}

#[test]
fn a_figure_has_a_code_of_its_own_and_is_read_back() {
    let all = every_figure();
    let mut codes: Vec<_> = all.iter().map(|figure| figure.code()).collect();
    for (figure, code) in all.iter().zip(&codes) {
        assert_eq!(Figure::parse(code), Some(*figure), "{code}");
    }
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
    let foreign = ["", "pk", "sk", "expires_at", "u", "up", "uaa", "Sabcdefghr", "S0123456r", "fz"];
    for foreign in foreign.into_iter().chain(["E01234567t"]) {
        assert_eq!(Figure::parse(foreign), None, "{foreign}");
    }
}

#[test]
fn a_class_of_failures_has_the_name_that_it_serialises_with() {
    for class in ErrorClass::ALL {
        assert_eq!(serde_json::to_value(class).expect("text"), class.word());
    }
}

/// Bytes of an item as DynamoDB counts them: names, and numbers with two digits a byte and one more.
fn size(figures: &Figures) -> usize {
    let key = "pk".len() + "STATS#app_".len() + 32 + "sk".len() + "M#28333333#0".len();
    let expires = "expires_at".len() + 6;
    let number = |count: u64| count.to_string().len().div_ceil(2) + 1;
    let counts: usize = figures.codes().map(|(code, count)| code.len() + number(count)).sum();
    key + expires + counts
}

#[test]
fn a_minute_of_an_application_with_many_endpoints_stays_below_a_kilobyte() {
    let mut minute = Figures::default();
    for number in 0..600_u64 {
        let mut one = Figures::default();
        let source = Subject::source(&SourceId::derive(&[&(number % 40).to_string()]));
        for counter in [Counter::Received, Counter::Announced, Counter::Duplicates] {
            (0..10).for_each(|_| one.count(counter, Some(source)));
        }
        let at = endpoint(usize::try_from(number).expect("few"));
        one.count(Counter::Attempts, Some(at));
        match number % 7 {
            0 => one.count(Counter::Failed(ErrorClass::Status), Some(at)),
            1 => one.count(Counter::Failed(ErrorClass::Timeout), Some(at)),
            _ => one.count(Counter::Delivered, Some(at)),
        }
        for class in ErrorClass::ALL {
            one.count(Counter::Failed(class), None);
        }
        one.measure(Figure::FirstAttempt, Duration::from_millis(number * 2000));
        one.measure(Figure::Delivery, Duration::from_millis(number * number));
        let fitted = fit(&one, &minute);
        minute.merge(&fitted.add);
        minute.0.retain(|figure, _| !fitted.remove.contains(figure));
        assert!(size(&minute) <= 1024, "{} bytes", size(&minute));
    }
    assert_eq!(minute.get(Figure::Count(Counter::Attempts)), 600, "nothing is left out of totals");
    let failing = fit::ranked(&minute, SubjectKind::Endpoint);
    assert!(12 <= failing.len(), "{} endpoints", failing.len());
    let fails = |subject: &Subject| {
        let of = minute.of(*subject);
        ErrorClass::ALL.iter().any(|class| of.get(Figure::Count(Counter::Failed(*class))) != 0)
    };
    assert!(failing.iter().all(fails), "endpoints without failures made room for those that fail");
}

#[test]
fn an_endpoint_that_fails_takes_the_place_of_one_that_does_not() {
    let mut known = Figures::default();
    for number in 0..MAX_ENDPOINT_PARTS {
        known.count(Counter::Delivered, Some(endpoint(number)));
    }
    let mut new = Figures::default();
    new.count(Counter::Delivered, Some(endpoint(100)));
    let fitted = fit(&new, &known);
    assert_eq!(fitted.remove, [], "who is there stays");
    assert!(fitted.add.iter().all(|(figure, _)| !matches!(figure, Figure::Part(_))));
    let mut failing = Figures::default();
    failing.count(Counter::Failed(ErrorClass::Tls), Some(endpoint(101)));
    let fitted = fit(&failing, &known);
    assert_eq!(fitted.add, failing);
    assert_eq!(fitted.remove.len(), 1);
}

#[test]
fn an_hour_keeps_fifty_endpoints_and_all_totals() {
    let mut hour = Figures::default();
    for number in 0..200 {
        hour.count(Counter::Delivered, Some(endpoint(number)));
        if number % 3 == 0 {
            hour.count(Counter::Failed(ErrorClass::Status), Some(endpoint(number)));
        }
    }
    let (own, parts) = hour.split();
    assert_eq!(own.get(Figure::Count(Counter::Delivered)), 200);
    let kept = fit::ranked(&parts, SubjectKind::Endpoint);
    assert_eq!(kept.len(), MAX_SUBJECTS);
    let failures = |of: &Figures| of.get(Figure::Count(Counter::Failed(ErrorClass::Status)));
    assert!(kept.iter().all(|subject| failures(&parts.of(*subject)) == 1));
    let of = parts.of(kept[0]);
    assert_eq!(of.get(Figure::Count(Counter::Attempts)), 2, "a success and a failure");
}

#[test]
fn a_percentile_lies_in_its_bucket() {
    let times = |millis: &[u64]| {
        let mut figures = Figures::default();
        for millis in millis {
            figures.measure(Figure::Delivery, Duration::from_millis(*millis));
        }
        figures.histogram(Figure::Delivery)
    };
    assert_eq!(times(&[]).percentile(50), None);
    for (millis, p50, p99) in [
        (&[1][..], 1, 1),
        (&[7, 7, 7, 7], 8, 10),
        (&[30, 30, 30, 400], 42, 500),
        (&[1_000_000], 900_000, 900_000),
        (&[0, 900_000], 1, 900_000),
    ] {
        let histogram = times(millis);
        assert_eq!(histogram.percentile(50), Some(p50), "{millis:?}");
        assert_eq!(histogram.percentile(99), Some(p99), "{millis:?}");
        assert_eq!(histogram.sum_ms, millis.iter().sum::<u64>());
    }
}

#[test]
fn a_time_is_cut_into_steps_that_begin_at_whole_multiples() {
    let hour = Timestamp(NOW.0 - 3_600_000);
    let steps = Steps::between(hour, NOW, None, NOW).expect("steps");
    assert_eq!((steps.length(), steps.len()), ("1m".to_owned(), 60));
    let steps = Steps::between(hour, NOW, Some(300), NOW).expect("steps");
    assert_eq!((steps.since(), steps.until(), steps.len()), (hour, NOW, 12));
    assert_eq!(steps.at(hour), Some(0));
    assert_eq!(steps.at(Timestamp(NOW.0 - 1)), Some(11));
    assert_eq!((steps.at(NOW), steps.at(Timestamp(hour.0 - 1))), (None, None));
    assert_eq!(steps.times().count(), 12);
    // An hour that begins between two steps touches one more.
    let later = Timestamp(hour.0 + 30_000);
    assert_eq!(
        Steps::between(later, Timestamp(NOW.0 + 30_000), Some(60), NOW).map(|s| s.len()),
        Ok(61)
    );
    let year = Timestamp(NOW.0 - 365 * 86_400_000);
    assert_eq!(Steps::between(year, NOW, None, NOW).map(|s| s.length()), Ok("7d".to_owned()));
}

#[test]
fn a_step_that_is_too_short_is_refused_with_the_smallest_that_goes() {
    let ago = |days: u64| Timestamp(NOW.0 - days * 86_400_000);
    for (since, step, smallest) in [
        (ago(365), "1s", "6h"),
        (ago(365), "1h", "6h"),
        (ago(7), "5m", "1h"),
        (ago(7), "90m", "1h"),
        (ago(1), "30s", "1m"),
        (ago(1), "0m", "1m"),
        (ago(1), "61s", "1m"),
    ] {
        let step = Steps::parse_length(step).expect("a length");
        let refused = Steps::between(since, NOW, Some(step), NOW);
        assert_eq!(refused, Err(InvalidSteps::Step(smallest.to_owned())), "{step}");
        let goes = Steps::parse_length(smallest);
        assert!(Steps::between(since, NOW, goes, NOW).is_ok(), "{smallest}");
    }
    assert_eq!(Steps::between(NOW, ago(1), None, NOW), Err(InvalidSteps::Since));
    for bad in ["", "m", "1", "-1m", "+1m", "1.5m", "1w", "é", "99999999999999999999d"] {
        assert_eq!(Steps::parse_length(bad), None, "{bad}");
    }
}

#[test]
fn an_hour_is_added_up_once_nothing_can_come_to_it_any_more() {
    let hour = Hour::of(NOW);
    let at = |seconds: u64| Timestamp(hour.start().0 + seconds * 1000);
    assert_eq!(Hour::last_complete(at(599)), Hour(hour.0 - 2));
    assert_eq!(Hour::last_complete(at(600)), Hour(hour.0 - 1));
    assert_eq!(Hour::first_kept(at(1)), Hour(hour.0 - 47));
    assert_eq!(Minute::of(at(61)).start(), at(60));
    assert_eq!(Minute::of(at(61)).hour(), hour);
}
