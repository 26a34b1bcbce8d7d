//! [`AddressSet`]: exact sets of IPv4 and IPv6 addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses from one to another of the same family, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    /// The first.
    pub first: IpAddr,
    /// The last.
    pub last: IpAddr,
}

impl AddressRange {
    /// All addresses of IPv4.
    pub const IPV4: Self =
        Self { first: IpAddr::V4(Ipv4Addr::UNSPECIFIED), last: IpAddr::V4(Ipv4Addr::BROADCAST) };
    /// All addresses of IPv6.
    pub const IPV6: Self =
        Self { first: IpAddr::V6(Ipv6Addr::UNSPECIFIED), last: IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)) };

    /// The range of a network written as `address/bits`. Bits of the address beyond the prefix are ignored, as the API
    /// server ignores them; decimal numbers of IPv4 may have leading zeros.
    pub fn of_cidr(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        if bits.is_empty() || bits.len() > 3 || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let bits: u32 = bits.parse().ok()?;
        match address_of(address)? {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(bits).unwrap_or(0);
                let first = address.to_bits() & !host;
                (bits <= 32).then(|| Self {
                    first: IpAddr::V4(first.into()),
                    last: IpAddr::V4((first | host).into()),
                })
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(bits).unwrap_or(0);
                let first = address.to_bits() & !host;
                (bits <= 128).then(|| Self {
                    first: IpAddr::V6(first.into()),
                    last: IpAddr::V6((first | host).into()),
                })
            }
        }
    }

    /// The range of one address.
    pub const fn of_address(address: IpAddr) -> Self {
        Self { first: address, last: address }
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.first <= address && address <= self.last
    }

    /// Whether some of another is in it.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first.is_ipv4() == other.first.is_ipv4() && self.first <= other.last && other.first <= self.last
    }

    /// Whether all of another is in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// `10.0.0.0-10.255.255.255`, or the address alone.
impl fmt::Display for AddressRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(out, "{}", self.first)
        } else {
            write!(out, "{}-{}", self.first, self.last)
        }
    }
}

/// An address as Kubernetes reads it.
pub fn address_of(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let mut octets = text.split('.').map(|octet| {
        let digits = !octet.is_empty() && octet.bytes().all(|byte| byte.is_ascii_digit());
        if digits { octet.parse::<u8>().ok() } else { None }
    });
    let mut next = || octets.next().flatten();
    let address = Ipv4Addr::new(next()?, next()?, next()?, next()?);
    octets.next().is_none().then_some(IpAddr::V4(address))
}

/// The address after another, within its family.
pub(super) fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => address.to_bits().checked_add(1).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(address) => address.to_bits().checked_add(1).map(|bits| IpAddr::V6(bits.into())),
    }
}

/// The address before another, within its family.
pub(super) fn before(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => address.to_bits().checked_sub(1).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(address) => address.to_bits().checked_sub(1).map(|bits| IpAddr::V6(bits.into())),
    }
}

/// A set of addresses, as ranges: sorted, IPv4 first, apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressSet(Vec<AddressRange>);

impl AddressSet {
    /// Every address.
    pub fn all() -> Self {
        Self(vec![AddressRange::IPV4, AddressRange::IPV6])
    }

    /// The set of some ranges, given in any order.
    pub fn of(mut ranges: Vec<AddressRange>) -> Self {
        ranges.retain(|range| range.first <= range.last && range.first.is_ipv4() == range.last.is_ipv4());
        ranges.sort_unstable();
        let mut merged: Vec<AddressRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(before)
                    if range.first <= before.last
                        || after(before.last).is_some_and(|next| next == range.first) =>
                {
                    before.last = before.last.max(range.last);
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// Whether some of a range is in it.
    pub fn overlaps(&self, range: &AddressRange) -> bool {
        // Sorted and apart from each other: the first that does not end before the range decides.
        let at = self.0.partition_point(|part| part.last < range.first);
        self.0.get(at).is_some_and(|part| part.overlaps(range))
    }

    /// What of it is in a range.
    #[must_use]
    pub fn within(&self, range: &AddressRange) -> Self {
        let parts = self.0.iter().filter(|part| part.overlaps(range));
        let cut = |part: &AddressRange| AddressRange {
            first: part.first.max(range.first),
            last: part.last.min(range.last),
        };
        Self(parts.map(cut).collect())
    }

    /// What of it is not in another set.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let left = |range: &AddressRange| Self::without(*range, other.within(range).0).0;
        Self(self.0.iter().flat_map(left).collect())
    }

    /// One range without some others.
    pub fn without(range: AddressRange, except: Vec<AddressRange>) -> Self {
        let mut left = Vec::new();
        let mut start = Some(range.first);
        for hole in Self::of(except).0 {
            if hole.last < range.first || range.last < hole.first {
                continue;
            }
            if let (Some(first), Some(last)) = (start, before(hole.first))
                && first < hole.first
            {
                left.push(AddressRange { first, last });
            }
            start = after(hole.last);
        }
        if let Some(first) = start.filter(|first| *first <= range.last) {
            left.push(AddressRange { first, last: range.last });
        }
        Self::of(left)
    }

    /// The ranges, sorted.
    pub fn ranges(&self) -> &[AddressRange] {
        &self.0
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.covers(&AddressRange::of_address(address))
    }

    /// Whether all of a range is in it.
    pub fn covers(&self, range: &AddressRange) -> bool {
        let behind = self.0.partition_point(|each| each.first <= range.first);
        behind.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|each| each.covers(range))
    }

    /// Whether all of another is in it.
    pub fn is_superset(&self, other: &Self) -> bool {
        other.0.iter().all(|range| self.covers(range))
    }
}

/// The ranges with a comma between them.
impl fmt::Display for AddressSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}{range}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> AddressRange {
        AddressRange::of_cidr(text).expect("a network")
    }

    #[test]
    fn networks_are_read_as_the_api_server_reads_them() {
        assert_eq!(cidr("10.1.2.3/8").to_string(), "10.0.0.0-10.255.255.255");
        assert_eq!(cidr("010.0.0.1/32").to_string(), "10.0.0.1");
        assert_eq!(cidr("0.0.0.0/0"), AddressRange::IPV4);
        assert_eq!(cidr("::/0"), AddressRange::IPV6);
        for wrong in [
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/",
            "::/129",
            "a/8",
            "10.0.0.0/+8",
            "1.2.3.4.5/8",
        ] {
            assert_eq!(AddressRange::of_cidr(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn exceptions_are_cut_out() {
        let set = AddressSet::without(cidr("10.0.0.0/8"), vec![cidr("10.1.0.0/16"), cidr("10.0.0.0/16")]);
        assert_eq!(set.to_string(), "10.2.0.0-10.255.255.255");
        let set =
            AddressSet::without(cidr("0.0.0.0/0"), vec![cidr("255.255.255.255/32"), cidr("10.0.0.0/8")]);
        assert_eq!(set.to_string(), "0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.254");
        assert!(AddressSet::without(cidr("::/0"), vec![cidr("::/1"), cidr("8000::/1")]).ranges().is_empty());
        let both = AddressSet::of(vec![cidr("128.0.0.0/1"), cidr("0.0.0.0/1"), cidr("::/0")]);
        assert_eq!(both, AddressSet::all());
        assert!(both.contains(IpAddr::V4(Ipv4Addr::BROADCAST)));
    }

    #[test]
    fn a_set_covers_what_lies_in_one_of_its_ranges() {
        let set = AddressSet::of(vec![cidr("10.0.0.0/16"), cidr("10.2.0.0/16"), cidr("fd00::/8")]);
        assert!(set.covers(&cidr("10.2.255.0/24")));
        assert!(set.covers(&cidr("fd12::/16")));
        for wider in ["10.0.0.0/15", "10.1.0.0/24", "9.0.0.0/8", "fc00::/7", "::/0"] {
            assert!(!set.covers(&cidr(wider)), "{wider}");
        }
        assert!(set.is_superset(&AddressSet::of(vec![cidr("10.2.0.0/24"), cidr("fd00::1/128")])));
        assert!(!set.is_superset(&AddressSet::of(vec![cidr("10.2.0.0/24"), cidr("10.3.0.0/24")])));
    }
}
