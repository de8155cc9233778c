//! Addresses: kept as text, parsed only to be compared with a network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address in a text as real systems write it: plain, `v4:port`, `[v6]:port`, `[v6]`; IPv4-mapped becomes IPv4.
/// `None` for anything else (`AWS Internal`, leading zeros).
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    let plain = || text.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let bracketed = || {
        text.strip_prefix('[')?
            .strip_suffix(']')?
            .parse()
            .ok()
            .map(IpAddr::V6)
    };
    plain()
        .or_else(with_port)
        .or_else(bracketed)
        .map(|ip: IpAddr| ip.to_canonical())
}

/// A network in CIDR notation, or one address. Host bits are zero when it comes from [`Cidr::parse`] or [`Cidr::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    pub network: IpAddr,
    pub prefix: u8,
}

impl Cidr {
    /// The network of one address.
    pub fn of(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        Cidr {
            network: ip,
            prefix: bits(ip),
        }
    }

    /// `10.0.0.0/8`, `2001:db8::/32`, or a bare address (all bits). Host bits may be set; they are masked.
    /// An IPv4-mapped network of at least 96 bits becomes its IPv4 network, as addresses do.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse().ok().map(Cidr::of);
        };
        let address: IpAddr = address.parse().ok()?;
        let digits = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix: u8 = prefix
            .parse()
            .ok()
            .filter(|&prefix| digits && prefix <= bits(address))?;
        let canonical = address.to_canonical();
        match bits(address) - bits(canonical) {
            mapped if prefix >= mapped => Some(masked(canonical, prefix - mapped)),
            _ => Some(masked(address, prefix)),
        }
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.network.is_ipv4()
            && masked(ip, self.prefix) == masked(self.network, self.prefix)
    }
}

/// `10.0.0.0/8`: always with its prefix, so that it reads as a network everywhere.
impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

fn bits(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn masked(ip: IpAddr, prefix: u8) -> Cidr {
    let network = match ip {
        IpAddr::V4(v4) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(prefix.min(32)))
                .unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(prefix.min(128)))
                .unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    };
    Cidr { network, prefix }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_real_systems_write_them() {
        let parsed = |text| parse_ip(text).map(|ip| ip.to_string());
        for (text, ip) in [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9:443", "203.0.113.9"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("[::ffff:10.1.2.3]:1", "10.1.2.3"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(ip), "{text}");
        }
        for text in [
            "",
            "AWS Internal",
            "010.0.0.1",
            "10.0.0",
            "10.0.0.1/8",
            "fe80::1%eth0",
            "[10.0.0.1]",
            "1.2.3.4:99999",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn a_network_contains_the_addresses_that_share_its_prefix() {
        let contains = |network, ip| {
            Cidr::parse(network)
                .expect(network)
                .contains(parse_ip(ip).expect(ip))
        };
        assert!(contains("10.1.2.3/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "255.255.255.255"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "::1"));
        assert!(contains("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(contains("192.0.2.7", "192.0.2.7"));
        assert!(!contains("192.0.2.7", "192.0.2.8"));
        assert!(contains("::ffff:10.0.0.0/104", "10.9.9.9"));
        assert!(contains("10.0.0.0/8", "::ffff:10.9.9.9"));
    }

    #[test]
    fn networks_that_cannot_be_are_refused() {
        for text in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/0008",
            "x/8",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
        assert_eq!(
            Cidr::parse("10.1.2.3/8").map(|c| c.to_string()).as_deref(),
            Some("10.0.0.0/8")
        );
    }
}
