//! `json_form python_sorted|ecmascript`: bodies as [`domain::json_form`] writes them again, one JSON
//! string a line each way, `null` for what is not JSON. `tests/verifiers` holds the answers against
//! Python and Node themselves.

use std::io::{self, BufRead, Error, Write};

use domain::json_form::{ecmascript, python_sorted};

fn main() -> io::Result<()> {
    let form = match std::env::args().nth(1).as_deref() {
        Some("python_sorted") => python_sorted,
        Some("ecmascript") => ecmascript,
        other => return Err(Error::other(format!("no form is called {other:?}"))),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let body: String = serde_json::from_str(&line?)?;
        let written = form(body.as_bytes()).ok().map(String::from_utf8).transpose();
        writeln!(out, "{}", serde_json::to_string(&written.map_err(Error::other)?)?)?;
    }
    out.flush()
}
