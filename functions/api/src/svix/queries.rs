//! Query parameters that several lists of messages and attempts share.

use domain::standing::DeliveryStanding;
use manage::messages::{Period, Selection};
use serde::{Deserialize, Deserializer, de::Error as _};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::web::{moment::Moment, page::bounded_integer};

/// Messages of a list by what they are.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SelectionQuery {
    #[param(nullable = false)]
    channel: Option<String>,
    #[param(nullable = false)]
    tag: Option<String>,
    #[serde(default)]
    #[param(required = false)]
    event_types: Vec<String>,
}

impl From<SelectionQuery> for Selection {
    fn from(query: SelectionQuery) -> Self {
        let SelectionQuery { channel, tag, event_types } = query;
        Self { event_types, channel, tag }
    }
}

/// Interval of time of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PeriodQuery {
    #[param(inline, nullable = false)]
    before: Option<Moment>,
    #[param(inline, nullable = false)]
    after: Option<Moment>,
}

impl From<PeriodQuery> for Period {
    fn from(query: PeriodQuery) -> Self {
        let at = |moment: Option<Moment>| moment.map(|Moment(at)| at);
        Self { before: at(query.before), after: at(query.after) }
    }
}

/// Whether payloads, or answers of endpoints, are shown.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ContentQuery {
    #[serde(default = "yes")]
    #[param(required = false)]
    pub(super) with_content: bool,
}

fn yes() -> bool {
    true
}

/// Whether cancelled deliveries have a status of their own.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExpandedQuery {
    #[serde(default)]
    #[param(required = false)]
    pub(super) expanded_statuses: bool,
}

/// Status of the attempts or messages of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StatusQuery {
    #[param(inline, nullable = false)]
    pub(super) status: Option<StatusNumber>,
}

/// A status as a number: 0 is success, 1 pending, 2 failure, 3 to be tried again, 4 cancelled.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusNumber(DeliveryStanding);

impl StatusNumber {
    const ALL: [DeliveryStanding; 5] = [
        DeliveryStanding::Success,
        DeliveryStanding::Pending,
        DeliveryStanding::Fail,
        DeliveryStanding::Sending,
        DeliveryStanding::Canceled,
    ];

    /// The standing that the number means.
    pub(super) const fn standing(self) -> DeliveryStanding {
        self.0
    }

    /// The number, from 0 to 4.
    pub(super) const fn number(self) -> u8 {
        self.0.code(true)
    }
}

impl<'de> Deserialize<'de> for StatusNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|known| u64::from(known.code(true)) == number);
        known.map(Self).ok_or_else(|| D::Error::custom("is 0, 1, 2, 3 or 4"))
    }
}

impl PartialSchema for StatusNumber {
    fn schema() -> RefOr<Schema> {
        bounded_integer(0, 4)
    }
}

impl ToSchema for StatusNumber {}

/// Hundred of the status that endpoints answered attempts with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StatusClassQuery {
    #[param(inline, nullable = false)]
    pub(super) status_code_class: Option<StatusClass>,
}

/// 0 for no answer, or 100, 200, 300, 400 or 500.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusClass(pub(super) u16);

impl StatusClass {
    const MAX: u16 = 500;
}

impl<'de> Deserialize<'de> for StatusClass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let class = u64::deserialize(deserializer)?;
        let class = u16::try_from(class).ok();
        let class = class.filter(|class| *class <= Self::MAX && class.is_multiple_of(100));
        class.map(Self).ok_or_else(|| D::Error::custom("is 0, 100, 200, 300, 400 or 500"))
    }
}

impl PartialSchema for StatusClass {
    fn schema() -> RefOr<Schema> {
        bounded_integer(0, Self::MAX.into())
    }
}

impl ToSchema for StatusClass {}
