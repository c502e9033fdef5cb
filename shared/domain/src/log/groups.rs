//! The log groups of CloudWatch whose lines become logs of jobs: those that the operator lists.

use super::cloudwatch::{GROUP_OF_A_JOB, STREAM_OF_A_JOB, job_of};

/// Longest name of a log group or stream, by the API reference of CloudWatch Logs.
const MAX_NAME: usize = 512;
/// Begin of the names of the groups that Lambda functions log to.
const LAMBDA: &str = "/aws/lambda/";

/// The log groups whose lines become logs of jobs; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogGroups {
    account: String,
    named: Vec<GroupName>,
}

/// The account, region and stack that the relay runs in.
#[derive(Clone, Copy, Debug)]
pub struct RelayPlace<'p> {
    /// The account, of 12 digits.
    pub account: &'p str,
    /// The AWS region of the stack.
    pub region: &'p str,
    /// The name of the CloudFormation stack. The relay's functions log to
    /// `/aws/lambda/<stack>-<function>`.
    pub stack: &'p str,
}

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum GroupName {
    /// The group of exactly this name.
    One(String),
    /// Every group whose name begins so.
    Begin(String),
}

/// A place in CloudWatch Logs that holds lines of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The name of the group.
    pub group: String,
    /// The name of the stream, in a group that several jobs share. `None` stands for every stream of
    /// a group that is one job's own.
    pub stream: Option<String>,
}

/// An entry of the list that names no log group of the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {fault}")]
pub struct InvalidLogGroup {
    text: String,
    fault: GroupFault,
}

/// The reason why an entry is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupFault {
    /// The entry is neither a name nor an ARN of a log group.
    #[error(
        "is neither the name of a log group, which may end in *, nor an ARN such as \
         arn:aws:logs:eu-central-1:123456789012:log-group:/modal/jobs:*"
    )]
    Form,
    /// The group belongs to another account or region.
    #[error("belongs to another account or region than the relay")]
    Elsewhere,
    /// The entry covers groups that the relay itself logs to.
    #[error("covers log groups of the relay, whose every line would cause another")]
    Own,
}

impl LogGroups {
    /// Reads a list of names and ARNs, separated by commas, for a relay at this place. A name may end
    /// in `*`, and an ARN in `:*` behind the name. Empty text is an empty list.
    ///
    /// # Errors
    /// If an entry is neither a name nor an ARN, belongs to another account or region, or covers the
    /// groups of the relay's own functions.
    pub fn parse_list(text: &str, relay: RelayPlace<'_>) -> Result<Self, InvalidLogGroup> {
        let mut named = Vec::new();
        for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let name = GroupName::parse(text, relay);
            let name = name.map_err(|fault| InvalidLogGroup { text: text.to_owned(), fault })?;
            if !named.contains(&name) {
                named.push(name);
            }
        }
        Ok(Self { account: relay.account.to_owned(), named })
    }

    /// Whether the list names no group.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Whether the list names this group of this account. Every group of the list is in the account
    /// of the relay.
    pub fn contain(&self, account: &str, group: &str) -> bool {
        account == self.account && self.name(group)
    }

    fn name(&self, group: &str) -> bool {
        self.named.iter().any(|name| match name {
            GroupName::One(name) => name == group,
            GroupName::Begin(begin) => group.starts_with(begin),
        })
    }

    /// The places of the list where the lines of a job may lie that bears these names: its own group
    /// below `/modal/jobs/`, and its stream in each group that is named in full. The groups that an
    /// entry with `*` covers are not known, but for that of the job.
    pub fn places_of<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Vec<LogPlace> {
        let mut places: Vec<LogPlace> = Vec::new();
        for job in names {
            let own = LogPlace { group: format!("{GROUP_OF_A_JOB}{job}"), stream: None };
            if is_name(&own.group)
                && job_of(&own.group, "").as_deref() == Some(job)
                && self.name(&own.group)
            {
                places.push(own);
            }
            let stream = format!("{STREAM_OF_A_JOB}{job}");
            let is_stream = stream.len() <= MAX_NAME && !stream.contains([':', '*']);
            for name in &self.named {
                if let GroupName::One(group) = name
                    && is_stream
                    && job_of(group, &stream).as_deref() == Some(job)
                    && job_of(group, "").is_none()
                {
                    places.push(LogPlace { group: group.clone(), stream: Some(stream.clone()) });
                }
            }
        }
        let mut seen = Vec::new();
        places.retain(|place| {
            let new = !seen.contains(place);
            seen.push(place.clone());
            new
        });
        places
    }
}

impl GroupName {
    fn parse(text: &str, relay: RelayPlace<'_>) -> Result<Self, GroupFault> {
        let name = match text.strip_prefix("arn:") {
            Some(rest) => in_arn(rest, relay)?,
            None => text,
        };
        let name = match name.strip_suffix('*') {
            Some(begin) if begin.is_empty() || is_name(begin) => Self::Begin(begin.to_owned()),
            None if is_name(name) => Self::One(name.to_owned()),
            _ => return Err(GroupFault::Form),
        };
        let own = format!("{LAMBDA}{}-", relay.stack);
        let covers_own = match &name {
            Self::One(name) => name.starts_with(&own),
            Self::Begin(begin) => own.starts_with(begin) || begin.starts_with(&own),
        };
        if covers_own { Err(GroupFault::Own) } else { Ok(name) }
    }
}

/// The name in an ARN, which is given without the `arn:` in front.
fn in_arn<'a>(rest: &'a str, relay: RelayPlace<'_>) -> Result<&'a str, GroupFault> {
    let parts: Vec<_> = rest.split(':').collect();
    let (partition, region, account, name) = match parts[..] {
        [partition, "logs", region, account, "log-group", name]
        | [partition, "logs", region, account, "log-group", name, "*"] => {
            (partition, region, account, name)
        }
        _ => return Err(GroupFault::Form),
    };
    if !partition.starts_with("aws") {
        return Err(GroupFault::Form);
    }
    if (region, account) != (relay.region, relay.account) {
        return Err(GroupFault::Elsewhere);
    }
    Ok(name)
}

/// Whether a group may bear this name.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._/#-".contains(c);
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELAY: RelayPlace<'_> =
        RelayPlace { account: "123456789012", region: "eu-central-1", stack: "relay" };

    fn groups(text: &str) -> LogGroups {
        LogGroups::parse_list(text, RELAY).expect(text)
    }

    fn fault(text: &str) -> Option<GroupFault> {
        LogGroups::parse_list(text, RELAY).err().map(|invalid| invalid.fault)
    }

    #[test]
    fn a_list_has_names_and_arns() {
        let here = "arn:aws:logs:eu-central-1:123456789012:log-group";
        let list = groups(&format!("{here}:/modal/jobs:*, /ours/*,{here}:plain,{here}:/a/b*:*,"));
        let account = RELAY.account;
        for (group, named) in [
            ("/modal/jobs", true),
            ("/modal/jobs/a", false),
            ("/ours/a", true),
            ("/ours", false),
            ("plain", true),
            ("plain2", false),
            ("/a/b", true),
            ("/a/bc/d", true),
            ("/aws/lambda/relay-live", false),
            ("", false),
        ] {
            assert_eq!(list.contain(account, group), named, "{group}");
            assert!(!list.contain("210987654321", group) && !list.contain("", group), "{group}");
        }
        assert!(!list.is_empty() && groups("").is_empty() && groups(" , ").is_empty());
        assert!(!LogGroups::default().contain("", "a"));
    }

    #[test]
    fn what_names_no_group_of_the_operator_is_refused() {
        let long = "a".repeat(MAX_NAME + 1);
        for text in
            ["a b", "a*b", "**", "arn:aws:s3:::bucket", "a:b", "größe", "ok,a\0", long.as_str()]
        {
            assert_eq!(fault(text), Some(GroupFault::Form), "{text}");
        }
        let group = |place: &str| format!("arn:aws:logs:{place}:log-group:a:*");
        for place in ["us-east-1:123456789012", "eu-central-1:210987654321"] {
            assert_eq!(fault(&group(place)), Some(GroupFault::Elsewhere), "{place}");
        }
        for own in
            ["/aws/lambda/relay-live", "/aws/lambda/relay-*", "/aws/*", "*", "/aws/lambda/re*"]
        {
            assert_eq!(fault(own), Some(GroupFault::Own), "{own}");
        }
        for other in ["/aws/lambda/other", "/aws/lambda/other-*", "/aws/batch/*"] {
            assert_eq!(fault(other), None, "{other}");
        }
        let said = LogGroups::parse_list("a,*", RELAY).expect_err("the relay's own").to_string();
        assert!(said.starts_with("*: covers log groups of the relay"), "{said}");
    }

    #[test]
    fn lines_of_a_job_lie_in_its_own_group_and_in_its_stream_of_a_shared_one() {
        let place = |group: &str, stream: Option<&str>| LogPlace {
            group: group.to_owned(),
            stream: stream.map(str::to_owned),
        };
        let list = groups("/modal/jobs/*,/ours,/theirs/*,/modal/jobs/b,/ours");
        let places = list.places_of(["a", "a"]);
        assert_eq!(places, [place("/modal/jobs/a", None), place("/ours", Some("job-a"))]);
        let places = list.places_of(["b"]);
        assert_eq!(places, [place("/modal/jobs/b", None), place("/ours", Some("job-b"))]);
        // No group can bear such a name, and no stream the last.
        assert_eq!(list.places_of(["a b/c"]), [place("/ours", Some("job-a b/c"))]);
        assert!(list.places_of(["a:b", "*", "", &"x".repeat(MAX_NAME)]).is_empty());
        assert_eq!(groups("/modal/jobs").places_of(["a"]), [place("/modal/jobs", Some("job-a"))]);
        assert!(groups("/theirs/*").places_of(["a"]).is_empty());
    }
}
