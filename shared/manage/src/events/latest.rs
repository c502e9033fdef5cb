//! A look through the deliveries of the latest events, for what has no index of its own.

use domain::delivery::Delivery;
use futures::future::try_join_all;

use super::{
    filter::EventFilter,
    merge::{AT_ONCE, Merge},
};
use crate::{ControlPlane, Principal, Refusal, page::Effort};

/// Most events whose deliveries one request looks at: each costs a read.
const MAX_LOOKED_AT: usize = 500;
/// Most deliveries of one event that are looked at.
const MAX_OF_ONE: usize = 1000;

/// A delivery that was looked for.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The delivery that was looked for; `None` if none was found.
    pub found: Option<Delivery>,
    /// Whether it was found, or the deliveries of every event were looked at.
    pub complete: bool,
}

/// The first delivery that `is_it`, among those of the latest events that the caller sees. One request
/// looks for a second, or at the deliveries of 500 events.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `application` if the events of too many applications would have to be merged.
pub async fn find_delivery(
    control: &ControlPlane,
    principal: &Principal,
    is_it: impl Fn(&Delivery) -> bool,
) -> Result<Looked, Refusal> {
    let applications = EventFilter::default().look_up(control, principal).await?.applications;
    let mut merge = Merge::behind(control.table(), applications, None, MAX_LOOKED_AT / 2);
    let (mut effort, mut all) = (Effort::of(MAX_LOOKED_AT), true);
    loop {
        let mut some = Vec::with_capacity(AT_ONCE);
        while some.len() < AT_ONCE {
            merge.read().await?;
            let Some((_, event)) = merge.pop() else { break };
            some.push(event.id);
        }
        effort.scan(some.len());
        let pages = some.iter().map(|id| control.table().deliveries_page(id, None, MAX_OF_ONE));
        for page in try_join_all(pages).await? {
            all &= page.next.is_none();
            if let Some(found) = page.items.into_iter().find(&is_it) {
                return Ok(Looked { found: Some(found), complete: true });
            }
        }
        let ended = some.len() < AT_ONCE;
        if ended || effort.is_spent() {
            return Ok(Looked { found: None, complete: ended && all });
        }
    }
}
