//! The ledger: what the calls of the services would be billed for on AWS, in capacity units of DynamoDB, requests of SQS
//! in parts of 64 KB, requests of S3. Prices are not known here.
//!
//! The services keep a ledger only if they were started with
//! [`Options::keeps_ledger`](crate::Options::keeps_ledger): DynamoDB then reads each item before and after
//! it is written, and performs one request at a time.

use std::{
    collections::BTreeMap,
    ops::AddAssign,
    sync::{Arc, Mutex, PoisonError},
};

/// Everything that was counted since the services started, or between two moments of
/// [`since`](Ledger::since).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// The requests of DynamoDB by operation, refused ones too.
    pub calls: BTreeMap<String, u64>,
    /// The capacity of DynamoDB by operation and kind of item. Within a transaction or batch each item
    /// counts by itself.
    pub items: BTreeMap<Line, Capacity>,
    /// The billed requests of SQS by queue and action. A request is billed once for each 64 KB that it
    /// carries, and once if it carries nothing.
    pub queues: BTreeMap<(String, String), u64>,
    /// The requests of S3 by method. `DELETE` is free of charge; a list is billed as a `PUT` and counted
    /// as `LIST`.
    pub objects: BTreeMap<String, u64>,
    /// The bytes of the objects that were put.
    pub object_bytes: u64,
}

/// The operation, and the kind of item, that capacity was spent on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The operation, such as `PutItem`. Of a transaction also the action, as in
    /// `TransactWriteItems Put`; of a write whose condition failed, `refused` follows.
    pub operation: String,
    /// The partition and sort keys of the item without what differs from item to item: `EVT# DLV#` for
    /// `EVT#1` and `DLV#2`. A query names the partition alone, and the index before it, if it reads one.
    pub kind: String,
}

/// Capacity units of DynamoDB. A write unit is one kilobyte written, a read unit four kilobytes read as the
/// last write left them; reads that may lag are billed as half of that.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Capacity {
    /// The items that were written or looked for, or the queries that were made.
    pub count: u64,
    /// Write units of the table itself.
    pub table: f64,
    /// Write units of each index that changed.
    pub indexes: BTreeMap<String, f64>,
    /// Read units, of the table or an index.
    pub read: f64,
}

impl Capacity {
    /// The write units of table and indexes together.
    pub fn written(&self) -> f64 {
        self.table + self.indexes.values().sum::<f64>()
    }

    /// The write units of one index; 0 if it did not change.
    pub fn index(&self, name: &str) -> f64 {
        self.indexes.get(name).copied().unwrap_or_default()
    }

    fn is_nothing(&self) -> bool {
        self.count == 0 && self.written() == 0.0 && self.read == 0.0
    }
}

impl AddAssign<&Capacity> for Capacity {
    fn add_assign(&mut self, other: &Capacity) {
        self.count += other.count;
        self.table += other.table;
        self.read += other.read;
        for (index, units) in &other.indexes {
            *self.indexes.entry(index.clone()).or_default() += units;
        }
    }
}

/// The contents of a table and its indexes. AWS bills each item and each entry of an index with 100 bytes more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// The items of the table.
    pub items: u64,
    /// The bytes of the items.
    pub bytes: u64,
    /// The entries of all indexes.
    pub entries: u64,
    /// The bytes of the entries.
    pub entry_bytes: u64,
}

impl Ledger {
    /// The ledger of the time after `earlier`, which is an earlier state of this ledger.
    #[must_use]
    pub fn since(&self, earlier: &Ledger) -> Ledger {
        let items = self.items.iter().filter_map(|(line, now)| {
            let mut spent = now.clone();
            if let Some(before) = earlier.items.get(line) {
                spent.count -= before.count;
                spent.table -= before.table;
                spent.read -= before.read;
                for (index, units) in &before.indexes {
                    *spent.indexes.entry(index.clone()).or_default() -= units;
                }
                spent.indexes.retain(|_, units| *units != 0.0);
            }
            (!spent.is_nothing()).then(|| (line.clone(), spent))
        });
        Ledger {
            calls: counted_since(&self.calls, &earlier.calls),
            items: items.collect(),
            queues: counted_since(&self.queues, &earlier.queues),
            objects: counted_since(&self.objects, &earlier.objects),
            object_bytes: self.object_bytes - earlier.object_bytes,
        }
    }

    /// The capacity of all lines for which `wanted` holds.
    pub fn capacity(&self, wanted: impl Fn(&Line) -> bool) -> Capacity {
        let mut sum = Capacity::default();
        for (_, capacity) in self.items.iter().filter(|(line, _)| wanted(line)) {
            sum += capacity;
        }
        sum
    }

    /// The billed requests of SQS with one of these actions.
    pub fn messages(&self, actions: &[&str]) -> u64 {
        let wanted = self.queues.iter().filter(|((_, of), _)| actions.contains(&of.as_str()));
        wanted.map(|(_, requests)| requests).sum()
    }
}

fn counted_since<K: Ord + Clone>(
    now: &BTreeMap<K, u64>,
    earlier: &BTreeMap<K, u64>,
) -> BTreeMap<K, u64> {
    let difference = |(key, count): (&K, &u64)| {
        let more = count - earlier.get(key).copied().unwrap_or_default();
        (more != 0).then(|| (key.clone(), more))
    };
    now.iter().filter_map(difference).collect()
}

/// The ledger that the services write, if one is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book(Option<Arc<Mutex<Ledger>>>);

impl Book {
    /// A book that is written, or one that nothing is written into.
    pub(crate) fn new(keeps: bool) -> Book {
        Book(keeps.then(Arc::default))
    }

    /// Whether anything is written.
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// The ledger as it is now; an empty one if none is kept.
    pub(crate) fn read(&self) -> Ledger {
        let kept = self.0.as_ref();
        kept.map(|it| it.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Writes into the ledger, if one is kept.
    pub(crate) fn write(&self, entry: impl FnOnce(&mut Ledger)) {
        if let Some(ledger) = &self.0 {
            entry(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
