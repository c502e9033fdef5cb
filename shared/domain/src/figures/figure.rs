//! The figures that are kept, and their codes.

use crate::{
    id::{EndpointId, SourceId, digest},
    retry::ErrorClass,
};

/// A kind of thing that figures count per minute and hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Requests of sources that were accepted and recorded, repetitions included.
    Received,
    /// Requests that repeated an earlier one byte for byte.
    Duplicates,
    /// Requests with the key of an earlier one and other bytes.
    Conflicts,
    /// Requests of sources that were refused.
    Refused,
    /// Requests that became an event which subscribers receive.
    Announced,
    /// Attempts of deliveries, those that failed included.
    Attempts,
    /// Deliveries that their endpoint accepted.
    Delivered,
    /// Attempts that failed, by the class of the failure.
    Failed(ErrorClass),
    /// Deliveries that became a dead letter.
    Parked,
}

impl Counter {
    /// Every counter, one for each class of failed attempts included.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain = [
            Self::Received,
            Self::Duplicates,
            Self::Conflicts,
            Self::Refused,
            Self::Announced,
            Self::Attempts,
            Self::Delivered,
            Self::Parked,
        ];
        plain.into_iter().chain(ErrorClass::ALL.into_iter().map(Self::Failed))
    }

    /// The code: one letter, and of failures another one for the class.
    fn code(self) -> String {
        match self {
            Self::Received => "r".to_owned(),
            Self::Duplicates => "d".to_owned(),
            Self::Conflicts => "c".to_owned(),
            Self::Refused => "x".to_owned(),
            Self::Announced => "a".to_owned(),
            Self::Attempts => "t".to_owned(),
            Self::Delivered => "s".to_owned(),
            Self::Parked => "p".to_owned(),
            Self::Failed(class) => format!("f{}", letter(class)),
        }
    }

    fn parse(code: &str) -> Option<Self> {
        Self::all().find(|counter| counter.code() == code)
    }
}

const fn letter(class: ErrorClass) -> char {
    match class {
        ErrorClass::Status => 's',
        ErrorClass::Timeout => 't',
        ErrorClass::Dns => 'd',
        ErrorClass::Connect => 'c',
        ErrorClass::Tls => 'l',
        ErrorClass::Protocol => 'p',
        ErrorClass::ForbiddenAddress => 'a',
        ErrorClass::Unfit => 'u',
        ErrorClass::EndpointDisabled => 'n',
        ErrorClass::CircuitOpen => 'o',
        ErrorClass::Expunged => 'e',
        ErrorClass::NoListener => 'h',
        ErrorClass::Relay => 'r',
    }
}

/// Whether a subject is a source or an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubjectKind {
    /// A source that sends requests.
    Source,
    /// An endpoint that receives deliveries.
    Endpoint,
}

/// A source or endpoint of which figures are kept: its kind and the first 32 bits of a hash of its id,
/// in hex. Two of one application with the same 32 bits are counted together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Whether this is a source or an endpoint.
    pub kind: SubjectKind,
    digits: [u8; 8],
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.code())
    }
}

impl Subject {
    /// The subject that is this source.
    pub fn source(id: &SourceId) -> Self {
        Self::of(SubjectKind::Source, id.as_str())
    }

    /// The subject that is this endpoint.
    pub fn endpoint(id: &EndpointId) -> Self {
        Self::of(SubjectKind::Endpoint, id.as_str())
    }

    fn of(kind: SubjectKind, id: &str) -> Self {
        let mut digits = [b'0'; 8];
        digits.copy_from_slice(&digest(&["figures", id]).as_bytes()[..8]);
        Self { kind, digits }
    }

    fn code(self) -> String {
        let letter = match self.kind {
            SubjectKind::Source => 'S',
            SubjectKind::Endpoint => 'E',
        };
        format!("{letter}{}", String::from_utf8_lossy(&self.digits))
    }

    fn parse(code: &str) -> Option<(Self, &str)> {
        let kind = match code.as_bytes().first()? {
            b'S' => SubjectKind::Source,
            b'E' => SubjectKind::Endpoint,
            _ => return None,
        };
        let (digits, rest) = code.get(1..)?.split_at_checked(8)?;
        let hex = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let digits = digits.as_bytes().try_into().ok()?;
        hex.then_some((Self { kind, digits }, rest))
    }
}

/// One counter of one source or endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The source or endpoint that the part counts for.
    pub subject: Subject,
    /// The counter of which the part is kept.
    pub counter: Counter,
}

impl Part {
    /// The counter of a subject, if it is kept: attempts follow from successes and failures.
    pub fn of(subject: Subject, counter: Counter) -> Option<Self> {
        (counter != Counter::Attempts).then_some(Self { subject, counter })
    }
}

/// A part of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Times within a bucket, by its number. The last bucket holds everything beyond the last bound.
    Bucket(u8),
    /// The sum of all times, in milliseconds.
    SumMs,
}

/// Something of which the table keeps a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Something that is counted, of the whole application.
    Count(Counter),
    /// The time from an event's arrival to the first attempt of a delivery.
    FirstAttempt(Measure),
    /// The time from an event's arrival to its delivery.
    Delivery(Measure),
    /// Something that is counted, of one source or endpoint.
    Part(Part),
}

/// The code of the sum of a histogram; buckets have the letters from `a` on.
const SUM: char = '0';

impl Figure {
    /// The code of the figure: the name of its attribute in the table.
    pub fn code(self) -> String {
        match self {
            Self::Count(counter) => counter.code(),
            Self::FirstAttempt(measure) => format!("u{}", measure.code()),
            Self::Delivery(measure) => format!("v{}", measure.code()),
            Self::Part(Part { subject, counter }) => {
                format!("{}{}", subject.code(), counter.code())
            }
        }
    }

    /// The figure with this code; `None` if this version knows none.
    pub fn parse(code: &str) -> Option<Self> {
        if let Some(rest) = code.strip_prefix('u') {
            return Measure::parse(rest).map(Self::FirstAttempt);
        }
        if let Some(rest) = code.strip_prefix('v') {
            return Measure::parse(rest).map(Self::Delivery);
        }
        if let Some((subject, rest)) = Subject::parse(code) {
            return Part::of(subject, Counter::parse(rest)?).map(Self::Part);
        }
        Counter::parse(code).map(Self::Count)
    }
}

impl Measure {
    fn code(self) -> char {
        match self {
            Self::Bucket(number) => char::from(b'a'.saturating_add(number)),
            Self::SumMs => SUM,
        }
    }

    fn parse(code: &str) -> Option<Self> {
        let mut letters = code.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
        if letter == SUM {
            return Some(Self::SumMs);
        }
        let last = super::BOUNDS_MS.len();
        let number = u8::try_from(letter).ok()?.checked_sub(b'a')?;
        (usize::from(number) <= last).then_some(Self::Bucket(number))
    }
}
