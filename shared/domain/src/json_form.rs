//! JSON in the form in which another language would write it again.
//!
//! Some receivers do not verify the bytes they received, but those that their own language makes of
//! them: Python's `json.dumps(body, sort_keys=True)`, Node's `JSON.stringify(req.body)`. A body
//! that is sent in that very form verifies for them, and for receivers that verify the raw body.
//! Numbers and strings are taken from the source text, because Python keeps `1.0` and integers of
//! any size and JavaScript does not. Depth costs no stack.

mod number;
pub(crate) mod read;
mod write;

pub use self::read::NotJson;

/// The form of Python's `json.dumps(json.loads(body), sort_keys=True)`. A number beyond the range
/// of a double becomes `Infinity`, as in Python.
///
/// # Errors
/// If the body is not JSON.
pub fn python_sorted(body: &[u8]) -> Result<Vec<u8>, NotJson> {
    let mut tree = read::tree(body)?;
    tree.sort_keys();
    Ok(write::write(&tree, &write::PYTHON))
}

/// The form of `JSON.stringify(JSON.parse(body))`: keys that are array indexes come first, in
/// order, and the others as they stood.
///
/// # Errors
/// If the body is not JSON.
pub fn ecmascript(body: &[u8]) -> Result<Vec<u8>, NotJson> {
    let mut tree = read::tree(body)?;
    tree.indexes_first();
    Ok(write::write(&tree, &write::ECMASCRIPT))
}

/// The compact form, with numbers and the order of keys as in the source.
///
/// # Errors
/// If the body is not JSON.
pub fn compact(body: &[u8]) -> Result<Vec<u8>, NotJson> {
    Ok(write::write(&read::tree(body)?, &write::COMPACT))
}

/// The body in the forms of the usual writers of JSON, each with the writer's name. Empty if the
/// body is not JSON.
pub fn rewritten(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (Ok(given), Ok(mut sorted), Ok(mut indexed)) =
        (read::tree(body), read::tree(body), read::tree(body))
    else {
        return Vec::new();
    };
    sorted.sort_keys();
    indexed.indexes_first();
    vec![
        ("JavaScript's JSON.stringify", write::write(&indexed, &write::ECMASCRIPT)),
        ("Python's json.dumps", write::write(&given, &write::PYTHON)),
        ("Python's json.dumps with sort_keys", write::write(&sorted, &write::PYTHON)),
        (
            "Python's json.dumps with compact separators",
            write::write(&given, &write::PYTHON_COMPACT),
        ),
        (
            "Python's json.dumps with sort_keys and compact separators",
            write::write(&sorted, &write::PYTHON_COMPACT),
        ),
        (
            "Python's json.dumps with ensure_ascii=False",
            write::write(&given, &write::PYTHON_UNICODE),
        ),
        ("a compact writer that sorts keys", write::write(&sorted, &write::ECMASCRIPT)),
        ("a compact writer that keeps numbers as they are", write::write(&given, &write::COMPACT)),
    ]
}

#[cfg(test)]
mod tests;
