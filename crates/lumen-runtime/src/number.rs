//! Numbers, addresses and networks as conditions write them (`value_parser.cpp`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::field::Kind;

/// A network: its address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// The network of one host.
    pub(super) fn of(address: IpAddr) -> Self {
        Self { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Its address, as it is written: bits that do not count may be set.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many of its bits count.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Reads `address/bits`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let unrecognized = || format!("unrecognized IP network {text}");
        let (address, bits) = text.split_once('/').ok_or_else(unrecognized)?;
        let address = parse_address(address).map_err(|_| format!("unrecognized IP address {text}"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.trim().parse().map_err(|_| format!("invalid netmask {bits}"))?;
        if bits > most { Err(format!("invalid netmask {bits}")) } else { Ok(Self { address, bits }) }
    }

    /// Whether an address is in the network.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                u32::from(own) & mask == u32::from(other) & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                u128::from(own) & mask == u128::from(other) & mask
            }
            _ => false,
        }
    }

    /// Whether an address is of the network's family.
    pub(super) fn is_of_family(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
    }
}

/// Reads an address: of IPv4 where it has a dot, else of IPv6.
pub(super) fn parse_address(text: &str) -> Result<IpAddr, String> {
    if text.contains('.') {
        let address: Result<Ipv4Addr, _> = text.parse();
        return address.map(IpAddr::V4).map_err(|_| format!("unrecognized IPv4 address {text}"));
    }
    let address: Result<Ipv6Addr, _> = text.parse();
    address.map(IpAddr::V6).map_err(|_| format!("unrecognized IPv6 address {text}"))
}

/// Reads a number of a field's type, in decimal. What does not fit is cut, as `sscanf(3)` does it.
pub(super) fn parse(text: &[u8], kind: Kind) -> Result<i128, String> {
    let is_signed = matches!(kind, Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Double);
    let number = scanned(text, is_signed)
        .ok_or_else(|| format!("{} is not a valid number", String::from_utf8_lossy(text)))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is cut to the field's size"
    )]
    Ok(match kind {
        Kind::Int16 => i128::from(number as i16),
        Kind::Int32 | Kind::Double => i128::from(number as i32),
        Kind::Int64 => number,
        Kind::Uint32 => i128::from(number as u32),
        Kind::Port => i128::from(number as u16),
        _ => i128::from(number as u64),
    })
}

/// The number that a text is, behind blanks; the largest of 64 bits where it is larger.
fn scanned(text: &[u8], is_signed: bool) -> Option<i128> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let blanks = text.iter().take_while(|byte| is_blank(byte)).count();
    let text = text.get(blanks..)?;
    let (is_negative, digits) = match text.first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits
        .iter()
        .fold(0_i128, |number, digit| number.saturating_mul(10).saturating_add(i128::from(digit - b'0')));
    Some(match (is_signed, is_negative) {
        (true, true) => (-number).max(i128::from(i64::MIN)),
        (true, false) => number.min(i128::from(i64::MAX)),
        (false, _) if number > i128::from(u64::MAX) => i128::from(u64::MAX),
        (false, true) => -number,
        (false, false) => number,
    })
}

/// The bytes that are written in hexadecimal, two digits each.
pub(super) fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u8]| {
        let is_hex = pair.iter().all(u8::is_ascii_hexdigit);
        std::str::from_utf8(pair).ok().filter(|_| is_hex).and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    text.chunks(2).map(byte).collect()
}

/// The port of a service, by the names of the IANA that `/etc/services` has on every system.
pub(super) fn service(name: &str) -> Option<u16> {
    SERVICES.iter().find(|(known, _)| *known == name).map(|(_, port)| *port)
}

#[rustfmt::skip]
const SERVICES: [(&str, u16); 48] = [
    ("echo", 7), ("discard", 9), ("daytime", 13), ("ftp-data", 20), ("ftp", 21), ("ssh", 22), ("telnet", 23), ("smtp", 25),
    ("time", 37), ("whois", 43), ("tacacs", 49), ("domain", 53), ("bootps", 67), ("bootpc", 68), ("tftp", 69), ("gopher", 70),
    ("finger", 79), ("http", 80), ("kerberos", 88), ("pop3", 110), ("sunrpc", 111), ("auth", 113), ("nntp", 119), ("ntp", 123),
    ("netbios-ns", 137), ("netbios-dgm", 138), ("netbios-ssn", 139), ("imap2", 143), ("snmp", 161), ("snmp-trap", 162), ("bgp", 179), ("irc", 194),
    ("ldap", 389), ("https", 443), ("microsoft-ds", 445), ("syslog", 514), ("submission", 587), ("ldaps", 636), ("ftps", 990), ("imaps", 993),
    ("pop3s", 995), ("ms-sql-s", 1433), ("nfs", 2049), ("mysql", 3306), ("rdp", 3389), ("postgresql", 5432), ("xmpp-client", 5222), ("redis", 6379),
];
