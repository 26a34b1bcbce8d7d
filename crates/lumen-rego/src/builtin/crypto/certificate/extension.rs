//! What the extensions of RFC 5280 say.

use super::super::der::{self, Der};
use super::super::oid;
use super::{Extension, Extensions, Limit, Names};
use crate::builtin::url::Url;

/// The names that a certificate permits or excludes below it.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Constraints {
    pub(in super::super) dns: Vec<String>,
    /// Address and mask.
    pub(in super::super) ips: Vec<(Vec<u8>, Vec<u8>)>,
    pub(in super::super) emails: Vec<String>,
    pub(in super::super) uris: Vec<String>,
}

/// Identifiers of extended usages, by Go's numbers.
const USAGES: &[&[u32]] = &[
    &[2, 5, 29, 37, 0],
    &[1, 3, 6, 1, 5, 5, 7, 3, 1],
    &[1, 3, 6, 1, 5, 5, 7, 3, 2],
    &[1, 3, 6, 1, 5, 5, 7, 3, 3],
    &[1, 3, 6, 1, 5, 5, 7, 3, 4],
    &[1, 3, 6, 1, 5, 5, 7, 3, 5],
    &[1, 3, 6, 1, 5, 5, 7, 3, 6],
    &[1, 3, 6, 1, 5, 5, 7, 3, 7],
    &[1, 3, 6, 1, 5, 5, 7, 3, 8],
    &[1, 3, 6, 1, 5, 5, 7, 3, 9],
    &[1, 3, 6, 1, 4, 1, 311, 10, 3, 3],
    &[2, 16, 840, 1, 113_730, 4, 1],
    &[1, 3, 6, 1, 4, 1, 311, 2, 1, 22],
    &[1, 3, 6, 1, 4, 1, 311, 61, 1, 1],
];

impl Extensions {
    pub(super) fn of(extensions: &[Extension]) -> Result<Self, String> {
        let mut known = Self::default();
        for extension in extensions {
            let handled = match extension.id.as_slice() {
                [2, 5, 29, number] => known.read(*number, extension)?,
                id if id == oid::AUTHORITY_INFO => known.authority_info(extension)?,
                _ => false,
            };
            if extension.critical && !handled {
                known.unhandled_critical.push(extension.id.clone());
            }
        }
        Ok(known)
    }

    /// Whether the extension is understood.
    fn read(&mut self, number: u32, extension: &Extension) -> Result<bool, String> {
        let mut value = Der(&extension.value);
        match number {
            14 => {
                if extension.critical {
                    return Err("x509: subject key identifier incorrectly marked critical".to_owned());
                }
                let id = value.read(der::OCTET_STRING).ok_or("x509: invalid subject key identifier")?;
                self.subject_key_id = Some(id.0.to_vec());
            }
            15 => {
                let bits = value.bits().ok_or("x509: invalid key usage")?;
                self.key_usage = (0..9).filter(|bit| bits.at(*bit)).map(|bit| 1 << bit).sum();
            }
            17 => {
                self.names = Names::parse(&extension.value)?;
                let Names { dns, emails, ips, uris } = &self.names;
                return Ok(!(dns.is_empty() && emails.is_empty() && ips.is_empty() && uris.is_empty()));
            }
            19 => self.basic_constraints(value)?,
            30 => return self.name_constraints(extension),
            31 => self.crl_points(value)?,
            32 => self.policies = Some(policies(value).ok_or("x509: invalid certificate policies")?),
            33 => self.policy_mappings(value)?,
            35 => {
                if extension.critical {
                    return Err("x509: authority key identifier incorrectly marked critical".to_owned());
                }
                let invalid = || "x509: invalid authority key identifier".to_owned();
                let mut parts = value.read(der::SEQUENCE).ok_or_else(invalid)?;
                let id = parts.optional(der::context(0)).ok_or_else(invalid)?;
                self.authority_key_id = id.map(|id| id.0.to_vec());
            }
            36 => self.policy_constraints(value)?,
            37 => {
                let invalid = "x509: invalid extended key usages";
                let mut list = value.read(der::SEQUENCE).ok_or(invalid)?;
                while !list.is_empty() {
                    let usage = list.oid().ok_or(invalid)?;
                    match (0..).zip(USAGES).find(|(_, known)| usage == **known) {
                        Some((number, _)) => self.usages.push(number),
                        None => self.unknown_usages.push(usage),
                    }
                }
            }
            54 => {
                let skip = value.small_integer().ok_or("x509: invalid inhibit any policy extension")?;
                self.inhibit_any_policy = Limit { value: skip, is_zero: skip == 0 };
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn basic_constraints(&mut self, mut value: Der<'_>) -> Result<(), String> {
        let invalid = || "x509: invalid basic constraints".to_owned();
        let mut parts = value.read(der::SEQUENCE).ok_or_else(invalid)?;
        if parts.peek(der::BOOLEAN) {
            self.is_ca = parts.boolean().ok_or_else(invalid)?;
        }
        let length = if parts.peek(der::INTEGER) {
            parts.small_integer().filter(|length| *length >= 0).ok_or_else(invalid)?
        } else {
            -1
        };
        self.max_path_length = Limit { value: length, is_zero: length == 0 };
        self.basic_constraints_valid = true;
        Ok(())
    }

    fn policy_constraints(&mut self, mut value: Der<'_>) -> Result<(), String> {
        let invalid = || "x509: invalid policy constraints extension".to_owned();
        let mut parts = value.read(der::SEQUENCE).ok_or_else(invalid)?;
        for (number, limit) in [(0, &mut self.require_explicit_policy), (1, &mut self.inhibit_policy_mapping)]
        {
            if parts.peek(der::context(number)) {
                let skip = parts.small_integer_tagged(der::context(number)).ok_or_else(invalid)?;
                *limit = Limit { value: skip, is_zero: skip == 0 };
            }
        }
        Ok(())
    }

    fn policy_mappings(&mut self, mut value: Der<'_>) -> Result<(), String> {
        let invalid = || "x509: invalid policy mappings extension".to_owned();
        let mut list = value.read(der::SEQUENCE).ok_or_else(invalid)?;
        while !list.is_empty() {
            let mut pair = list.read(der::SEQUENCE).ok_or_else(invalid)?;
            let mut policy = || pair.read(der::OID).map(|policy| policy.0.to_vec()).ok_or_else(invalid);
            self.policy_mappings.push((policy()?, policy()?));
        }
        Ok(())
    }

    fn crl_points(&mut self, mut value: Der<'_>) -> Result<(), String> {
        let invalid = || "x509: invalid CRL distribution point".to_owned();
        let mut list = value.read(der::SEQUENCE).ok_or("x509: invalid CRL distribution points")?;
        while !list.is_empty() {
            let mut point = list.read(der::SEQUENCE).ok_or_else(invalid)?;
            let name = point.optional(der::context_constructed(0)).ok_or_else(invalid)?;
            let Some(mut name) = name else { continue };
            let mut names = name.read(der::context_constructed(0)).ok_or_else(invalid)?;
            while names.peek(der::context(6)) {
                self.crl_points.push(names.read(der::context(6)).ok_or_else(invalid)?.0.to_vec());
            }
        }
        Ok(())
    }

    fn authority_info(&mut self, extension: &Extension) -> Result<bool, String> {
        if extension.critical {
            return Err("x509: authority info access incorrectly marked critical".to_owned());
        }
        let invalid = || "x509: invalid authority info access".to_owned();
        let mut list = Der(&extension.value).read(der::SEQUENCE).ok_or_else(invalid)?;
        while !list.is_empty() {
            let mut access = list.read(der::SEQUENCE).ok_or_else(invalid)?;
            let method = access.oid().ok_or_else(invalid)?;
            if !access.peek(der::context(6)) {
                continue;
            }
            let place = access.read(der::context(6)).ok_or_else(invalid)?.0.to_vec();
            match method.as_slice() {
                [1, 3, 6, 1, 5, 5, 7, 48, 1] => self.ocsp_servers.push(place),
                [1, 3, 6, 1, 5, 5, 7, 48, 2] => self.issuer_urls.push(place),
                _ => {}
            }
        }
        Ok(true)
    }

    fn name_constraints(&mut self, extension: &Extension) -> Result<bool, String> {
        let invalid = || "x509: invalid NameConstraints extension".to_owned();
        let mut outer = Der(&extension.value);
        let mut parts = outer.read(der::SEQUENCE).filter(|_| outer.is_empty()).ok_or_else(invalid)?;
        let permitted = parts.optional(der::context_constructed(0)).ok_or_else(invalid)?;
        let excluded = parts.optional(der::context_constructed(1)).ok_or_else(invalid)?;
        if !parts.is_empty() {
            return Err(invalid());
        }
        let is_empty = |part: &Option<Der<'_>>| part.is_none_or(|part| part.is_empty());
        if is_empty(&permitted) && is_empty(&excluded) {
            return Err("x509: empty name constraints extension".to_owned());
        }
        let mut handled = true;
        let mut read = |part: Option<Der<'_>>| Constraints::parse(part.unwrap_or(Der(&[])), &mut handled);
        self.permitted = read(permitted)?;
        self.excluded = read(excluded)?;
        self.constraints_critical = extension.critical;
        Ok(handled)
    }
}

fn policies(mut value: Der<'_>) -> Option<Vec<Vec<u8>>> {
    let mut list = value.read(der::SEQUENCE)?;
    let mut policies = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    while !list.is_empty() {
        let policy = list.read(der::SEQUENCE)?.read(der::OID)?.0;
        let ends = policy.last().is_some_and(|last| last & 0x80 == 0);
        if !ends || !seen.insert(policy) {
            return None;
        }
        policies.push(policy.to_vec());
    }
    Some(policies)
}

impl Constraints {
    fn parse(mut list: Der<'_>, handled: &mut bool) -> Result<Self, String> {
        let mut constraints = Self::default();
        while !list.is_empty() {
            let element = list.read(der::SEQUENCE).and_then(|mut subtree| subtree.any());
            let element = element.ok_or("x509: invalid NameConstraints extension")?;
            let text = || match std::str::from_utf8(element.content) {
                Ok(text) if text.is_ascii() => Ok(text.to_owned()),
                _ => {
                    let shown = String::from_utf8_lossy(element.content);
                    Err(format!(
                        "x509: invalid constraint value: x509: {shown:?} cannot be encoded as an IA5String"
                    ))
                }
            };
            match element.tag {
                0x82 => {
                    let domain = text()?;
                    if !domain_name_valid(&domain, true) {
                        return Err(format!("x509: failed to parse dnsName constraint {domain:?}"));
                    }
                    constraints.dns.push(domain);
                }
                0x87 => constraints.ips.push(network(element.content)?),
                0x81 => {
                    let email = text()?;
                    let valid = if email.contains('@') {
                        super::super::verify::Mailbox::parse(&email).is_some()
                    } else {
                        domain_name_valid(&email, true)
                    };
                    if !valid {
                        return Err(format!("x509: failed to parse rfc822Name constraint {email:?}"));
                    }
                    constraints.emails.push(email);
                }
                0x86 => {
                    let domain = text()?;
                    if domain.parse::<std::net::IpAddr>().is_ok() {
                        return Err(format!(
                            "x509: failed to parse URI constraint {domain:?}: cannot be IP address"
                        ));
                    }
                    if !domain_name_valid(&domain, true) {
                        return Err(format!("x509: failed to parse URI constraint {domain:?}"));
                    }
                    constraints.uris.push(domain);
                }
                _ => *handled = false,
            }
        }
        Ok(constraints)
    }
}

fn network(value: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let length = value.len();
    if length != 8 && length != 32 {
        return Err(format!("x509: IP constraint contained value of length {length}"));
    }
    let (address, mask) = value.split_at_checked(length / 2).unwrap_or((value, b""));
    let mut bits = mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    if bits.by_ref().skip_while(|bit| *bit == 1).any(|bit| bit == 1) {
        let mask = super::super::digest::hex(mask);
        return Err(format!("x509: IP constraint contained invalid mask {mask}"));
    }
    Ok((address.to_vec(), mask.to_vec()))
}

impl Names {
    pub(super) fn parse(value: &[u8]) -> Result<Self, String> {
        let mut names = Self::default();
        let mut list = Der(value).read(der::SEQUENCE).ok_or("x509: invalid subject alternative names")?;
        while !list.is_empty() {
            let element = list.any().ok_or("x509: invalid subject alternative name")?;
            let text = |kind: &str| match std::str::from_utf8(element.content) {
                Ok(text) if text.is_ascii() => Ok(text.to_owned()),
                _ => Err(format!("x509: SAN {kind} is malformed")),
            };
            match element.tag ^ 0x80 {
                1 => names.emails.push(text("rfc822Name")?),
                2 => names.dns.push(text("dNSName")?),
                6 => {
                    let text = text("uniformResourceIdentifier")?;
                    let uri = Url::parse(text.as_bytes())
                        .map_err(|error| format!("x509: cannot parse URI {text:?}: {error}"))?;
                    let host = String::from_utf8_lossy(&uri.host);
                    if !domain_name_valid(&host, false) {
                        return Err(format!("x509: cannot parse URI {text:?}: invalid domain"));
                    }
                    names.uris.push(uri);
                }
                7 => match element.content.len() {
                    4 | 16 => names.ips.push(element.content.to_vec()),
                    length => return Err(format!("x509: cannot parse IP address of length {length}")),
                },
                _ => {}
            }
        }
        Ok(names)
    }
}

/// Whether a name could be a domain's; a constraint may begin with a dot.
pub(in super::super) fn domain_name_valid(name: &str, constraint: bool) -> bool {
    if name.is_empty() {
        return true;
    }
    if name.ends_with('.') {
        return false;
    }
    let name = if constraint { name.strip_prefix('.').unwrap_or(name) } else { name };
    name.bytes().all(|byte| (33..=126).contains(&byte)) && name.split('.').all(|label| !label.is_empty())
}
