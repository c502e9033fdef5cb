//! Reads lists that have several pages.

use clap::Args;
use http::{HeaderMap, Method, header};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    request::Query,
    show::{Show, table},
};
use crate::{
    exit::{CommandError, Exit},
    output::Output,
    remote::Remote,
};

/// Most entries of one page, the maximum of the API.
const PAGE: usize = 250;

/// How much of a list is printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Pages {
    /// Most entries to print, over as many pages as that takes.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, help_heading = "Output")]
    pub(crate) limit: usize,
    /// Print the whole list.
    #[arg(long, conflicts_with = "limit", help_heading = "Output")]
    pub(crate) all: bool,
    /// Place to go on from, as the end of an earlier list names it.
    #[arg(long, value_name = "PLACE", help_heading = "Output")]
    pub(crate) iterator: Option<String>,
}

/// A page of a list.
#[derive(Deserialize)]
pub(crate) struct Page {
    pub(crate) data: Vec<Box<RawValue>>,
    #[serde(default)]
    pub(crate) iterator: Option<String>,
    /// Entries that were looked at, if the list has a filter.
    #[serde(default)]
    pub(crate) scanned: Option<u64>,
}

/// A list that is read page by page.
pub(crate) struct Listing<'r> {
    remote: &'r Remote,
    path: &'r str,
    query: &'r str,
    iterator: Option<String>,
    ended: bool,
    /// Entries that were looked at so far.
    pub(crate) scanned: u64,
}

impl<'r> Listing<'r> {
    /// The list of a path and a query, from a place on.
    pub(crate) fn new(
        remote: &'r Remote,
        path: &'r str,
        query: &'r str,
        iterator: Option<String>,
    ) -> Self {
        Self { remote, path, query, iterator, ended: false, scanned: 0 }
    }

    /// The next page, of at most so many entries, with the headers of the answer. `None` behind the last.
    /// A page may be empty and not the last: the relay looked at what there was time for.
    ///
    /// # Errors
    /// [`CommandError`] if the relay does not answer or refuses.
    pub(crate) async fn next(
        &mut self,
        most: usize,
    ) -> Result<Option<(Page, HeaderMap)>, CommandError> {
        if self.ended {
            return Ok(None);
        }
        let mut query = Query(self.query.to_owned());
        query.add("limit", &most.clamp(1, PAGE).to_string());
        query.add_some("iterator", self.iterator.as_deref());
        let path = format!("{}?{}", self.path, query.0);
        let answer = self.remote.ask(Method::GET, &path, Vec::new()).await?;
        let page: Page = answer.json()?;
        self.scanned += page.scanned.unwrap_or_default();
        // A place that leads to itself would be read for ever.
        self.ended = page.iterator.is_none() || page.iterator == self.iterator;
        self.iterator.clone_from(&page.iterator);
        Ok(Some((page, answer.headers)))
    }

    /// The place behind what was read; `None` at the end.
    pub(crate) fn place(&self) -> Option<&str> {
        self.iterator.as_deref().filter(|_| !self.ended)
    }
}

/// Prints a list as rows, or as JSON lines.
///
/// # Errors
/// [`CommandError`] if the relay does not answer or refuses, or standard output cannot be written.
pub(crate) async fn print(
    remote: &Remote,
    out: &Output,
    (path, query): (&str, &str),
    columns: &[Show],
    pages: Option<Pages>,
) -> Result<Exit, CommandError> {
    let Some(pages) = pages else {
        return print_whole(remote, out, (path, query), columns).await;
    };
    let mut left = if pages.all { usize::MAX } else { pages.limit };
    let mut listing = Listing::new(remote, path, query, pages.iterator);
    let mut printed = false;
    while 0 < left {
        let Some((page, headers)) = listing.next(left).await? else { break };
        if !printed {
            out.warn_of_ignored(&headers);
        }
        let data = &page.data[..page.data.len().min(left)];
        left -= data.len();
        if !data.is_empty() {
            print_page(out, columns, data, printed)?;
            printed = true;
        }
        if 0 < listing.scanned && 0 < left && listing.place().is_some() {
            out.progress(&format!("looked at {} entries …", listing.scanned));
        }
    }
    out.end_progress();
    match listing.place() {
        Some(place) => {
            out.note(&format!("there is more: go on with --iterator {place}, or with --all"))
        }
        None if !printed && !out.is_json() => out.note("nothing matches"),
        None => {}
    }
    Ok(Exit::Done)
}

/// Prints a short list whole. No `limit` is sent: a page of these routes then has 250 entries.
async fn print_whole(
    remote: &Remote,
    out: &Output,
    (path, query): (&str, &str),
    columns: &[Show],
) -> Result<Exit, CommandError> {
    let (mut data, mut iterator) = (Vec::new(), None);
    loop {
        let mut query = Query(query.to_owned());
        query.add_some("iterator", iterator.as_deref());
        let mark = if query.0.is_empty() { "" } else { "?" };
        let path = format!("{path}{mark}{}", query.0);
        let answer = remote.ask(Method::GET, &path, Vec::new()).await?;
        if data.is_empty() {
            out.warn_of_ignored(&answer.headers);
        }
        let page: Page = answer.json()?;
        data.extend(page.data);
        if page.iterator.is_none() || page.iterator == iterator {
            break;
        }
        iterator = page.iterator;
    }
    print_page(out, columns, &data, false)?;
    Ok(Exit::Done)
}

fn print_page(
    out: &Output,
    columns: &[Show],
    data: &[Box<RawValue>],
    continued: bool,
) -> Result<(), CommandError> {
    if out.is_json() {
        for entry in data {
            out.raw(entry)?;
        }
    } else if !data.is_empty() {
        table(columns, data.iter().map(AsRef::as_ref)).print(out, continued)?;
    } else {
        out.note("there are none");
    }
    Ok(())
}

/// Prints JSON lines as they come, and goes on where the header `Link` leads.
///
/// # Errors
/// [`CommandError`] if the relay does not answer or refuses, or standard output cannot be written.
pub(crate) async fn print_lines(
    remote: &Remote,
    out: &Output,
    path: String,
) -> Result<Exit, CommandError> {
    let mut next = Some(path);
    while let Some(path) = next {
        let answer = remote.ask(Method::GET, &path, Vec::new()).await?;
        for line in String::from_utf8_lossy(&answer.body).lines() {
            out.line(&crate::output::one_line(line))?;
        }
        next = following(&answer.headers).filter(|following| *following != path);
    }
    Ok(Exit::Done)
}

/// The path of the next part, as the header `Link` names it. Its host is not looked at: the key goes to
/// the relay that was chosen and nowhere else.
pub(crate) fn following(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(header::LINK)?.to_str().ok()?;
    let target = links.split(',').find_map(|link| {
        let (target, about) = link.trim().strip_prefix('<')?.split_once('>')?;
        about.contains("rel=\"next\"").then_some(target)
    })?;
    Some(target[target.find("/v1/")?..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_next_part() {
        for (link, want) in [
            (r#"</v1/x?iterator=1>; rel="next""#, Some("/v1/x?iterator=1")),
            (r#"<https://relay.example/stage/v1/x?a=1>; rel="next""#, Some("/v1/x?a=1")),
            (r#"</v1/a>; rel="prev", </v1/b>; rel="next""#, Some("/v1/b")),
            (r#"</v1/a>; rel="prev""#, None),
            ("nonsense", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::LINK, link.parse().expect("a header"));
            assert_eq!(following(&headers).as_deref(), want, "{link}");
        }
    }
}
