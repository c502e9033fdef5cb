//! Keys and the kinds that they belong to.

use super::*;

#[test]
fn a_key_belongs_to_one_kind_or_none() {
    for (pk, sk, name) in [
        ("SOURCES", "modal", Some("source")),
        ("EVT#a1", "EVT", Some("event")),
        ("EVT#a1", "DLV#dlv_b", Some("delivery")),
        ("EVT#a1", "DLV#", None),
        ("JOB#j", "EP#e", Some("endpoint of a job")),
        ("BATCH#b", "BATCH", Some("batch")),
        ("BATCH#b#0", "BATCH", None),
        ("BATCH#b#0", "NEW#job_1#ended", Some("marker: a job that is to be counted")),
        ("BATCH#b#0", "END#job_1", Some("job that ended in a batch")),
        ("CALL#a1", "CALL", Some("job that a call runs")),
        ("LANE#ep_1#k", "AT#00001", Some("delivery in a lane")),
        ("COUNTERS", "letters", Some("last number of a letter")),
        ("COUNTERS", "events", None),
        ("", "", None),
    ] {
        let kinds = ITEMS.iter().filter(|kind| fits(kind.pk, pk) && fits(kind.sk, sk));
        let names: Vec<_> = kinds.map(|kind| kind.name).collect();
        assert_eq!(names, name.into_iter().collect::<Vec<_>>(), "{pk} {sk}");
        assert_eq!(ItemKind::of(pk, sk).map(|kind| kind.name), name);
    }
}
