//! The parts of the check of an endpoint draft that need no relay.

use domain::{
    id::{ApplicationId, BatchId, EndpointId, JobId},
    time::Timestamp,
};

use super::*;

fn endpoint(scope: EndpointScope) -> Endpoint {
    let (id, application) = (EndpointId::derive(&["e"]), ApplicationId::named("a"));
    Endpoint { scope, ..Endpoint::new(id, application, "", Timestamp(0)) }
}

fn of_job() -> EndpointScope {
    EndpointScope::Job(JobId::derive(&["modal", "j"]))
}

/// Name of the field that a refusal is about.
fn field<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> String {
    match refused {
        Err(Refusal::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_policy_keeps_what_a_draft_leaves_out() {
    let mut known = endpoint(EndpointScope::Application);
    known.policy.timeout_seconds = 60;
    known.policy.delays = vec![7];
    for (draft, retries, timeout, delays) in [
        (PolicyDraft::default(), 9, 60, vec![7]),
        (PolicyDraft { max_retries: Some(2), ..PolicyDraft::default() }, 2, 60, vec![7]),
        (PolicyDraft { timeout_seconds: Some(5), ..PolicyDraft::default() }, 9, 5, vec![7]),
        // Waits alone say how many retries there are.
        (PolicyDraft { delays: Some(vec![1, 2]), ..PolicyDraft::default() }, 2, 60, vec![1, 2]),
    ] {
        let policy = draft.clone().over(&known).expect("fits");
        let got = (policy.max_retries, policy.timeout_seconds, policy.delays);
        assert_eq!(got, (retries, timeout, delays), "{draft:?}");
    }
}

#[test]
fn retries_of_a_webhook_are_counted_as_its_system_counts() {
    let draft = PolicyDraft { max_retries: Some(5), ..PolicyDraft::default() };
    for (scope, profile, retries) in [
        (EndpointScope::Application, "batch", 5),
        (of_job(), "batch", 4),
        (of_job(), "hokusai", 5),
        (of_job(), "standard", 5),
    ] {
        let mut endpoint = endpoint(scope.clone());
        set_profile(&mut endpoint, profile.to_owned()).expect("known");
        let policy = draft.clone().over(&endpoint).expect("fits");
        assert_eq!(policy.max_retries, retries, "{scope:?} {profile}");
    }
}

#[test]
fn a_policy_that_cannot_be_kept_is_refused_with_its_field() {
    let known = endpoint(EndpointScope::Application);
    let none = PolicyDraft::default;
    for (draft, name) in [
        (PolicyDraft { max_retries: Some(-1), ..none() }, "max_retries"),
        (PolicyDraft { max_retries: Some(i64::from(MAX_RETRIES) + 1), ..none() }, "max_retries"),
        (
            PolicyDraft { timeout_seconds: Some(i64::from(MAX_TIMEOUT) + 1), ..none() },
            "timeout_seconds",
        ),
        (PolicyDraft { delays: Some(Vec::new()), ..none() }, "delays"),
        (PolicyDraft { retry_on: Some(vec![99.into()]), ..none() }, "retry_on"),
        (PolicyDraft { give_up_on: Some(vec!["6xx".into()]), ..none() }, "give_up_on"),
        (PolicyDraft { success_on: Some(vec![Value::Null]), ..none() }, "success_on"),
    ] {
        assert_eq!(field(draft.over(&known)), name);
    }
}

#[test]
fn no_retry_at_all_can_be_said_where_retries_are_counted() {
    let draft = PolicyDraft { max_retries: Some(0), ..PolicyDraft::default() };
    for (scope, profile, retries) in [
        (EndpointScope::Application, "standard", Some(0)),
        (EndpointScope::Application, "batch", Some(0)),
        (of_job(), "hokusai", Some(0)),
        (of_job(), "standard", Some(0)),
        // The batch server counts attempts.
        (of_job(), "batch", None),
        (EndpointScope::Batch(BatchId::of(&ApplicationId::named("a"), "b")), "standard", None),
    ] {
        let mut endpoint = endpoint(scope.clone());
        set_profile(&mut endpoint, profile.to_owned()).expect("known");
        let policy = draft.clone().over(&endpoint);
        assert_eq!(policy.ok().map(|policy| policy.max_retries), retries, "{scope:?} {profile}");
    }
}

#[test]
fn a_profile_is_one_for_calls_to_subscribers_or_none() {
    let mut endpoint = endpoint(EndpointScope::Application);
    for (name, profile) in [("wepp", Some("wepp")), ("", None), ("standard", None)] {
        set_profile(&mut endpoint, name.to_owned()).expect("known");
        assert_eq!(endpoint.profile.as_deref(), profile);
    }
    assert_eq!(field(set_profile(&mut endpoint, "github".to_owned())), "profile");
}

#[test]
fn a_webhook_names_types_of_its_own_family() {
    let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let of_batch = EndpointScope::Batch(BatchId::of(&ApplicationId::named("a"), "b"));
    assert_eq!((family(&of_job()), family(&of_batch)), (Some("job"), Some("batch")));
    assert_eq!(family(&EndpointScope::Application), None);
    assert_eq!(types_of_family(None, "job").expect("all"), [""; 0]);
    let names = types_of_family(list(&["completed", "job.*", "completed"]), "job");
    assert_eq!(names.expect("known"), ["completed", "job.*"]);
    assert_eq!(field(types_of_family(list(&["batch.completed"]), "job")), "event_types");
    assert_eq!(field(types_of_family(list(&["completed"; 40]), "job")), "event_types");
}

#[test]
fn a_uid_that_looks_like_an_id_could_never_be_found() {
    check_uid("main").expect("fits");
    for bad in ["", "a b", "ep_0123", &"x".repeat(MAX_UID + 1)] {
        assert_eq!(field(check_uid(bad)), "uid", "{bad}");
    }
}
