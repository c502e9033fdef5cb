//! One endpoint by its id or uid, of an application that is named or of any that the caller sees.

use domain::{endpoint::Endpoint, id::EndpointId};

use crate::{
    ControlPlane, MAX_SCANNED, Principal, Refusal, applications, endpoints::resolve, page::Effort,
};

/// Applications whose endpoints are looked at with one read.
const AT_ONCE: usize = 100;

/// The endpoint of this id or uid. Without an application, an id is looked for in every application that
/// the caller sees, and the webhook of a single job or batch is found once an event was sent to it.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such endpoint, or the caller may not see its application;
/// [`Refusal::Invalid`] of `application` if there are too many applications to look through.
pub async fn find(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    application: Option<&str>,
) -> Result<Endpoint, Refusal> {
    let within = match application {
        Some(named) => {
            applications::must_see(control, principal, named).await?;
            let known = control.table().application_named(named).await?.ok_or(Refusal::NotFound)?;
            Some(known.id)
        }
        None => principal.application.clone(),
    };
    if let Some(application) = &within {
        principal.must_see(application)?;
        match resolve(control, application, name).await {
            Err(Refusal::NotFound) => (),
            found => return found,
        }
    }
    let id = EndpointId::parse(name).map_err(|_| Refusal::NotFound)?;
    if let Some(endpoint) = last_called(control, &id).await? {
        principal.must_see(&endpoint.application)?;
        let elsewhere = within.is_some_and(|within| within != endpoint.application);
        return if elsewhere { Err(Refusal::NotFound) } else { Ok(endpoint) };
    }
    match within {
        Some(_) => Err(Refusal::NotFound),
        None => anywhere(control, &id).await,
    }
}

/// The endpoint that the latest delivery to this id went to, if there was one: the delivery names the
/// endpoint's application and its job or batch.
async fn last_called(control: &ControlPlane, id: &EndpointId) -> Result<Option<Endpoint>, Refusal> {
    let latest = control.table().deliveries_to(id, None, 1, false).await?.items;
    let Some(delivery) = latest.first() else { return Ok(None) };
    Ok(control.table().endpoint_of(&delivery.application, &delivery.scope, id).await?)
}

/// The endpoint of this id in whatever application, by a read for every hundred applications.
async fn anywhere(control: &ControlPlane, id: &EndpointId) -> Result<Endpoint, Refusal> {
    let (mut cursor, mut effort) = (None::<String>, Effort::of(MAX_SCANNED));
    loop {
        let page = control.table().applications_page(cursor.as_deref(), AT_ONCE, true).await?;
        effort.scan(page.items.len().max(1));
        let applications = page.items.iter().map(|application| &application.id);
        let found = control.table().endpoint_in_any(applications, id).await?;
        if let Some(endpoint) = found {
            return Ok(endpoint);
        }
        cursor = page.next;
        if cursor.is_none() {
            return Err(Refusal::NotFound);
        }
        if effort.is_spent() {
            let why = "is needed: there are too many applications to look through";
            return Err(Refusal::field("application", why));
        }
    }
}
