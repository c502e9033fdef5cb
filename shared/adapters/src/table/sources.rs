//! Sources, few and read often.

use domain::source::Source;

use super::{
    Table, Written,
    row::{self, Row},
};
use crate::Unavailable;

const SOURCES: &str = "SOURCES";

impl Table {
    /// Keeps a source under its name, whatever was there.
    pub async fn put_source(&self, source: &Source) -> Result<(), Unavailable> {
        self.put(Row::new(SOURCES, &source.name, source), None).await.map(|_| ())
    }

    /// The source of this name.
    pub async fn source(&self, name: &str) -> Result<Option<Source>, Unavailable> {
        self.entity(SOURCES, name).await
    }

    /// Every source, by name.
    pub async fn sources(&self) -> Result<Vec<Source>, Unavailable> {
        self.partition(SOURCES, "").await?.iter().map(row::document).collect()
    }

    /// Removes a source; `Refused` if there was none.
    pub async fn delete_source(&self, name: &str) -> Result<Written, Unavailable> {
        self.delete(SOURCES, name).await
    }
}
