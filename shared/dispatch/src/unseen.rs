//! Removing a listener that nobody has used for seven days. Its dead letters stay; its waiting deliveries
//! end as cancelled when they are next rung for.

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
};
use domain::{
    id::ApplicationId,
    live::topic::Topic,
    operational::{self, EndpointChange},
};
use tracing::info;

use crate::{context::Context, operational::Telling};

/// Tries to remove a listener while other requests change it.
const TRIES: u32 = 5;

impl Context {
    /// Removes a listener, if nobody has used it for [`UNSEEN`](domain::listener::UNSEEN) and nobody listens
    /// now. One that somebody hears stays for as long again. Doing it again changes nothing.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or other requests change the listener during every try. It is still due then.
    pub async fn remove_unseen(
        &self,
        application: &ApplicationId,
        name: &str,
    ) -> Result<(), Unavailable> {
        contested::write(TRIES, || self.try_to_remove(application, name)).await
    }

    async fn try_to_remove(
        &self,
        application: &ApplicationId,
        name: &str,
    ) -> Result<TryOutcome<()>, Unavailable> {
        let (table, now) = (&self.table, self.clock.now());
        let Some(listener) = table.listener(application, name).await? else {
            return Ok(TryOutcome::Settled(()));
        };
        if now < listener.ends_at() {
            return Ok(TryOutcome::Settled(()));
        }
        let topic = Topic::listener(application.clone(), listener.endpoint.clone());
        if table.listening(&topic).await?.is_some_and(|listening| now < listening.until) {
            return Ok(table.see_listener(&listener, now).await?.settles(()));
        }
        let endpoint = table.endpoint(application, &listener.endpoint).await?;
        let telling = match &endpoint {
            Some(endpoint) => {
                let owner = table.application(application).await?;
                let change = EndpointChange::Deleted;
                let news = operational::of_change(change, endpoint, owner.as_ref(), now);
                self.telling(news, now).await?
            }
            None => None,
        };
        let recordings: Vec<_> = telling.iter().map(Telling::recording).collect();
        let removed = table.delete_listener(&listener, endpoint.as_ref(), &recordings, now).await?;
        if removed == adapters::table::WriteOutcome::Done {
            info!(listener = name, endpoint = %listener.endpoint, "a listener that nobody used is removed");
            if let Some(telling) = &telling {
                self.ring_telling(telling).await;
            }
        }
        Ok(removed.settles(()))
    }
}
