//! The table that is printed, and the counts that `bench/cost.py` reads.

use std::{fmt::Write, fs, path::PathBuf};

use serde_json::{Map, Value, json};

use super::{
    bounds::{BOUNDS, Bound},
    setting::Counted,
};

/// The rows of the bounds, then every piece of work by table and index.
pub(super) fn table(all: &[Counted]) -> String {
    let mut text = "\n| work | unit | counted | bound | target (must / aim) | met |\n|---|---|---|---|---|---|\n".to_owned();
    for bound in BOUNDS {
        let counted = bound.counted(all);
        let shown = counted.map_or("?".to_owned(), |counted| format!("{counted:.2}"));
        let (target, met) = target(bound, counted);
        let (name, unit, most) = (bound.name(), bound.unit, bound.most);
        writeln!(text, "| {name} | {unit:?} | {shown} | {most} | {target} | {met} |")
            .expect("text");
    }
    text += "\n| work | written: table, indexes | read | shared | kinds |\n|---|---|---|---|---|\n";
    for Counted { name, written, read, shared, kinds, .. } in all {
        let round = |units: &f64| format!("{units:.2}");
        let written: Vec<_> =
            written.iter().map(|(name, units)| format!("{name} {}", round(units))).collect();
        let kinds: Vec<_> =
            kinds.iter().map(|(kind, units)| format!("{kind} {}", round(units))).collect();
        let (written, kinds) = (written.join(", "), kinds.join("; "));
        writeln!(text, "| {name} | {written} | {read:.2} | {shared:.2} | {kinds} |").expect("text");
    }
    text
}

/// The target of a row, and whether it is met.
fn target(bound: &Bound, counted: Option<f64>) -> (String, &'static str) {
    let Some(((must, aim), counted)) = bound.must.zip(bound.aim).zip(counted) else {
        return (String::new(), "");
    };
    let met = match counted {
        counted if counted <= aim => "aim",
        counted if counted <= must => "must",
        _ => "no",
    };
    (format!("{must} / {aim}"), met)
}

/// Writes the counts to `target/units.json`, and holds the ones that are checked in against them.
///
/// # Panics
/// Panics if the counts that are checked in are others. `UPDATE_UNITS=1` writes them anew.
pub(super) fn keep(all: &[Counted]) {
    let rounded = |units: f64| json!((units * 100.0).round() / 100.0);
    let map = |pairs: Vec<(String, f64)>| {
        pairs.into_iter().map(|(name, units)| (name, rounded(units))).collect::<Map<_, _>>()
    };
    let owned = |pairs: &std::collections::BTreeMap<String, f64>| {
        map(pairs.iter().map(|(name, units)| (name.clone(), *units)).collect())
    };
    let rows: Map<String, Value> = all
        .iter()
        .map(|it| {
            let stored = it.stored.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.round()));
            let row = json!({
                "written": owned(&it.written),
                "read": rounded(it.read),
                "shared": rounded(it.shared),
                "calls": owned(&it.calls),
                "stored": map(stored.collect()),
            });
            (it.name.to_owned(), row)
        })
        .collect();
    let fresh = serde_json::to_string_pretty(&rows).expect("plain data") + "\n";
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    fs::write(target.join("units.json"), &fresh).expect("written");
    let kept = root.join("bench/counts.json");
    if std::env::var_os("UPDATE_UNITS").is_some() {
        fs::write(&kept, &fresh).expect("written");
        return;
    }
    let known: Value =
        serde_json::from_str(&fs::read_to_string(&kept).unwrap_or_default()).unwrap_or_default();
    let known = known.as_object().cloned().unwrap_or_default();
    let names = |rows: &Map<String, Value>| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&known),
        names(&rows),
        "bench/counts.json is old; UPDATE_UNITS=1 writes it anew"
    );
    for (name, row) in &rows {
        for part in ["written", "calls"] {
            let sum = |row: &Value| {
                row[part]
                    .as_object()
                    .map_or(0.0, |parts| parts.values().filter_map(Value::as_f64).sum())
            };
            let (now, then): (f64, f64) = (sum(row), sum(&known[name]));
            // Sizes differ by a few bytes from run to run: the digits of a port, of a duration. Retries are
            // spread by chance, which decides who brings a late one.
            let spread =
                if name.starts_with("retry") || name.starts_with("ladder") { 15.0 } else { 1.0 };
            let near = (now - then).abs() <= spread + then * 0.02;
            assert!(near, "{name}: {now} {part}, and {then} in bench/counts.json; UPDATE_UNITS=1");
        }
    }
}
