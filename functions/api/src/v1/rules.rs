//! What a policy may say about single statuses, and what the relay can keep of it here.

use domain::retry::{InvalidStatuses, Policy, StatusList};
use manage::ControlPlane;
use serde_json::Value;

/// Lists of statuses as they are given; one that is left out stays as it is, an empty one is none.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) retry_on: Option<Vec<Value>>,
    pub(crate) give_up_on: Option<Vec<Value>>,
    pub(crate) success_on: Option<Vec<Value>>,
}

/// Which list cannot be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Retry,
    GiveUp,
    Success,
}

impl List {
    /// Its field in the Svix contract's spelling.
    pub(crate) const fn camel(self) -> &'static str {
        match self {
            Self::Retry => "retryOn",
            Self::GiveUp => "giveUpOn",
            Self::Success => "successOn",
        }
    }

    /// Its field in ours.
    pub(crate) const fn snake(self) -> &'static str {
        match self {
            Self::Retry => "retry_on",
            Self::GiveUp => "give_up_on",
            Self::Success => "success_on",
        }
    }
}

impl Given {
    /// Writes itself over a policy, if all of it can be used.
    pub(crate) fn apply(self, policy: &mut Policy) -> Result<(), (List, InvalidStatuses)> {
        let rules = &mut policy.rules;
        for (list, given, kept) in [
            (List::Retry, self.retry_on, &mut rules.retry_on),
            (List::GiveUp, self.give_up_on, &mut rules.give_up_on),
            (List::Success, self.success_on, &mut rules.success_on),
        ] {
            if let Some(given) = given {
                *kept = StatusList::parse(&given).map_err(|why| (list, why))?;
            }
        }
        Ok(())
    }
}

/// Why the function that delivers cannot keep to a policy's timeout, if it cannot.
pub(crate) fn too_long(control: &ControlPlane, policy: &Policy) -> Option<String> {
    let longest = policy.fits(control.deliver_timeout()).err()?;
    let ends = control.deliver_timeout().as_secs();
    Some(format!(
        "is at most {longest} here: the function that delivers ends after {ends} s, and needs \
             time before and after a call"
    ))
}
