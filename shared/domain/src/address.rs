//! The rule about addresses that the relay may call (invariant I8).
//!
//! A URL is parsed once. A literal address is judged here, the addresses of a name once they are
//! resolved, and the address that was judged is the one that is dialled.

mod forbidden;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

pub use self::forbidden::Forbidden;
use crate::destination::AwsDestinations;

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address as 128 bits; IPv4 as `::ffff:a.b.c.d`.
    bits: u128,
    /// The number of leading bits that count, of 128.
    prefix: u32,
}

/// A text that is no network in CIDR notation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network such as 127.0.0.0/8")]
pub struct InvalidNetwork(String);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32) -> Network {
    Network { bits: Ipv4Addr::new(a, b, c, d).to_ipv6_mapped().to_bits(), prefix: 96 + prefix }
}

const fn v6(a: u16, b: u16, c: u16, prefix: u32) -> Network {
    Network { bits: Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_bits(), prefix }
}

/// IPv4 addresses that are not on the public internet, by the IANA special-purpose registry, and
/// Azure's wire server.
const DENIED_V4: [Network; 19] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(192, 175, 48, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    v4(168, 63, 129, 16, 32),
];

/// IPv6 global unicast, of which `DENIED_V6` is taken away.
const ALLOWED_V6: Network = v6(0x2000, 0, 0, 3);
const DENIED_V6: [Network; 5] = [
    v6(0x2001, 0, 0, 23),
    v6(0x2001, 0xdb8, 0, 32),
    v6(0x2002, 0, 0, 16),
    v6(0x3fff, 0, 0, 20),
    v6(0x2620, 0x4f, 0x8000, 48),
];
/// The NAT64 prefix: the last 32 bits of its addresses are an IPv4 address.
const NAT64: Network = v6(0x64, 0xff9b, 0, 96);

impl Network {
    /// Reads CIDR notation, such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// If the text is no address, a slash and a prefix length that the address allows.
    pub fn parse(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, prefix) = text.trim().split_once('/').ok_or_else(invalid)?;
        let prefix: u32 = prefix.parse().map_err(|_| invalid())?;
        match address.parse().map_err(|_| invalid())? {
            IpAddr::V4(ip) if prefix <= 32 => {
                Ok(Self { bits: ip.to_ipv6_mapped().to_bits(), prefix: 96 + prefix })
            }
            IpAddr::V6(ip) if prefix <= 128 => Ok(Self { bits: ip.to_bits(), prefix }),
            _ => Err(invalid()),
        }
    }

    /// Reads networks separated by commas. Empty text is an empty list.
    ///
    /// # Errors
    /// If an entry is no network.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidNetwork> {
        text.split(',').filter(|part| !part.trim().is_empty()).map(Self::parse).collect()
    }

    /// Whether the network contains the address.
    pub fn contains(self, ip: IpAddr) -> bool {
        let bits = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        let shift = 128 - self.prefix;
        shift == 128 || bits >> shift == self.bits >> shift
    }
}

/// The addresses and URLs that the relay may call.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// Networks that may be called although they are not on the public internet, and without TLS.
    pub allowed: Vec<Network>,
    /// The queues and event buses that deliveries may go to.
    pub destinations: AwsDestinations,
}

/// A URL that may be called if its addresses may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URL, parsed once.
    pub url: Url,
    /// The name to resolve, or the literal address.
    pub host: Host<String>,
    /// The port to connect to.
    pub port: u16,
}

impl Rule {
    /// Judges an address that is about to be dialled; `tls` says whether the connection is
    /// encrypted.
    ///
    /// # Errors
    /// If the address is not on the public internet or the connection is not encrypted, and no
    /// allowed network contains the address.
    pub fn judge(&self, ip: IpAddr, tls: bool) -> Result<(), Forbidden> {
        let excepted = self.allowed.iter().any(|network| network.contains(ip));
        if excepted || (tls && is_public(ip)) {
            return Ok(());
        }
        if is_public(ip) { Err(Forbidden::Scheme) } else { Err(Forbidden::Address(ip)) }
    }

    /// Reads an HTTP URL, and judges what can be judged before the host is resolved.
    ///
    /// # Errors
    /// If the URL must not be called or cannot be read.
    pub fn target(&self, text: &str) -> Result<Target, Forbidden> {
        if 2048 < text.len() {
            return Err(Forbidden::TooLong);
        }
        let url = Url::parse(text).map_err(|_| Forbidden::Unreadable)?;
        let tls = match url.scheme() {
            "https" => true,
            "http" if !self.allowed.is_empty() => false,
            _ => return Err(Forbidden::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::UserInfo);
        }
        let host = url.host().ok_or(Forbidden::Host)?.to_owned();
        match &host {
            Host::Ipv4(ip) => self.judge(IpAddr::V4(*ip), tls)?,
            Host::Ipv6(ip) => self.judge(IpAddr::V6(*ip), tls)?,
            Host::Domain(name) => self.judge_name(name)?,
        }
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(Forbidden::Host)?;
        Ok(Target { url, host, port })
    }

    /// Refuses names that never mean a public host.
    fn judge_name(&self, name: &str) -> Result<(), Forbidden> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let local = name == "localhost" || name.ends_with(".localhost");
        if local {
            return self.judge(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
        }
        if name.is_empty() || name.ends_with(".internal") || name.ends_with(".local") {
            return Err(Forbidden::Host);
        }
        Ok(())
    }
}

/// Whether an address is on the public internet. An IPv6 address that embeds an IPv4 address is
/// judged by that.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => !DENIED_V4.iter().any(|network| network.contains(ip)),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                ALLOWED_V6.contains(ip) && !DENIED_V6.iter().any(|network| network.contains(ip))
            }
        },
    }
}

fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = || Ipv4Addr::from_bits(u32::try_from(ip.to_bits() & 0xffff_ffff).unwrap_or(0));
    ip.to_ipv4_mapped().or_else(|| NAT64.contains(IpAddr::V6(ip)).then(last))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../tests/vectors/addresses.json")).expect("JSON")
    }

    fn literal(address: &str) -> String {
        if address.contains(':') {
            format!("https://[{address}]/")
        } else {
            format!("https://{address}/")
        }
    }

    #[test]
    fn every_address_of_the_vectors_is_judged_right() {
        let rule = Rule::default();
        let mut judged = 0;
        for case in vectors()["must_block"].as_array().expect("list") {
            let address = case["address"].as_str().expect("text");
            let ip: IpAddr = address.parse().expect("an address");
            assert_eq!(rule.judge(ip, true), Err(Forbidden::Address(ip)), "{case}");
            assert!(rule.target(&literal(address)).is_err(), "{case}");
            judged += 1;
        }
        for address in vectors()["must_allow"].as_array().expect("list") {
            let address = address.as_str().expect("text");
            assert_eq!(rule.judge(address.parse().expect("an address"), true), Ok(()), "{address}");
            assert!(rule.target(&literal(address)).is_ok(), "{address}");
            judged += 1;
        }
        for (host, means) in vectors()["hosts_that_are_addresses"].as_object().expect("map") {
            let means: IpAddr = means.as_str().expect("text").parse().expect("an address");
            let got = rule.target(&format!("https://{host}/hook"));
            let refused = matches!(&got, Err(Forbidden::Address(ip))
                if *ip == means || matches!(ip, IpAddr::V6(v6) if v6.to_ipv4_mapped().map(IpAddr::V4) == Some(means)));
            assert!(refused, "{host}: {got:?}");
            judged += 1;
        }
        assert!(60 < judged, "{judged}");
    }

    #[test]
    fn an_address_that_embeds_another_is_judged_by_that() {
        let rule = Rule::default();
        for (text, public) in [
            ("::ffff:1.1.1.1", true),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::1.1.1.1", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b:1::1.1.1.1", false),
        ] {
            let ip: IpAddr = text.parse().expect("an address");
            let want = if public { Ok(()) } else { Err(Forbidden::Address(ip)) };
            assert_eq!(rule.judge(ip, true), want, "{text}");
        }
    }

    #[test]
    fn urls_that_hide_something_are_refused() {
        let rule = Rule::default();
        for (url, want) in [
            ("http://example.com/", Forbidden::Scheme),
            ("ftp://example.com/", Forbidden::Scheme),
            ("file:///etc/passwd", Forbidden::Scheme),
            ("https://user:pw@example.com/", Forbidden::UserInfo),
            ("https://example.com@127.0.0.1/", Forbidden::UserInfo),
            ("https://:pw@example.com/", Forbidden::UserInfo),
            ("https://metadata.google.internal/", Forbidden::Host),
            ("https://printer.local./", Forbidden::Host),
            ("https://./", Forbidden::Host),
            ("https://example.com:0/", Forbidden::Host),
            ("not a url", Forbidden::Unreadable),
            ("https://", Forbidden::Unreadable),
            ("https://localhost/", Forbidden::Address(Ipv4Addr::LOCALHOST.into())),
            ("https://LOCALHOST./", Forbidden::Address(Ipv4Addr::LOCALHOST.into())),
            ("https://a.localhost/", Forbidden::Address(Ipv4Addr::LOCALHOST.into())),
        ] {
            assert_eq!(rule.target(url).map(|t| t.url), Err(want), "{url}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2029));
        assert_eq!(rule.target(&long), Err(Forbidden::TooLong));
        assert!(rule.target(&long[..2048]).is_ok());
        assert_eq!(rule.target("https://example.com/hook").expect("public").port, 443);
    }

    #[test]
    fn a_list_of_networks_opens_exceptions_and_nothing_else() {
        let rule = Rule {
            allowed: Network::parse_list("127.0.0.0/8, ::1/128").expect("networks"),
            ..Rule::default()
        };
        assert!(rule.target("http://127.0.0.1:9000/hook").is_ok());
        assert!(rule.target("http://localhost:9000/hook").is_ok());
        assert!(rule.target("http://[::1]:9000/hook").is_ok());
        assert!(rule.target("https://10.0.0.1/").is_err());
        assert_eq!(rule.target("http://1.1.1.1/"), Err(Forbidden::Scheme));
        assert_eq!(Network::parse_list(""), Ok(vec![]));
        for bad in ["127.0.0.1", "127.0.0.0/33", "::/129", "x/8", "1.2.3.4/-1"] {
            assert!(Network::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_network_contains_the_addresses_with_its_first_bits() {
        for (network, address, contained) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("203.0.113.9/32", "203.0.113.9", true),
            ("203.0.113.9/32", "203.0.113.8", false),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "198.51.100.1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::1/128", "::1", true),
            ("::1/128", "::2", false),
        ] {
            let ip = address.parse().expect("an address");
            let network = Network::parse(network).expect("a network");
            assert_eq!(network.contains(ip), contained, "{network:?} {address}");
        }
        let list = Network::parse_list(" , 10.0.0.0/8,,::1/128 ").expect("networks");
        let each = ["10.0.0.0/8", "::1/128"].map(|text| Network::parse(text).expect("a network"));
        assert_eq!(list, each);
    }
}
