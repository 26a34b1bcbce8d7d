//! Open descriptors: what they stand for, and their ends where they are sockets.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::socket::{Address, End, Ends, print};
use crate::record::{Bytes, Descriptor, DescriptorType, Socket};

/// Bits of how a file was opened (`PPM_O_*`).
pub(super) const DIRECTORY: u32 = 1 << 10;
pub(super) const CLOSE_ON_EXEC: u32 = 1 << 12;
/// The lowest of the bits that the sensor adds.
pub(super) const CREATED: u32 = 1 << 14;
pub(super) const UPPER_LAYER: u32 = 1 << 15;
pub(super) const LOWER_LAYER: u32 = 1 << 16;

/// Most descriptors of a process.
const OPEN: usize = 65_536;
/// The longest name, in bytes.
const NAME_BYTES: usize = 4_096;
/// A name of so many bytes counts as much as a descriptor.
const COST_BYTES: usize = 256;

/// Standard input, output and error.
const STANDARD: std::ops::Range<i64> = 0..3;

/// So many numbers, one after the other, are a part.
const PART: i64 = 256;

/// What a process has open, by number. It is in parts, each shared until it changes: a child that has all that its parent
/// has costs little, and so does what it opens then.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    parts: BTreeMap<i64, Arc<BTreeMap<i64, Arc<File>>>>,
    count: usize,
    cost: usize,
    /// How many are of each type.
    kinds: [u32; DescriptorType::COUNT],
    /// Changes with what is shown of them wherever it is not asked for a certain one.
    shape: u64,
}

impl Files {
    /// A number that changes where [`kinds`](Self::kinds) or one of the first three descriptors do, for as long as they are
    /// those of one thread.
    pub(super) fn shape(&self) -> u64 {
        self.shape
    }

    /// A bit for each type that something is of.
    pub(super) fn kinds(&self) -> u32 {
        let bits = self.kinds.iter().zip(0..).map(|(count, place)| u32::from(*count > 0) << place);
        bits.sum()
    }

    /// Counts a descriptor of a type that comes, or goes.
    fn count(&mut self, number: i64, kind: DescriptorType, comes: bool) {
        let Some(count) = self.kinds.get_mut(kind as usize) else { return };
        let before = *count;
        *count = if comes { before.saturating_add(1) } else { before.saturating_sub(1) };
        if before.min(*count) == 0 || STANDARD.contains(&number) {
            self.shape += 1;
        }
    }

    /// How much room they take: one for each, and more for long names.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, number: i64) -> Option<&Arc<File>> {
        self.parts.get(&number.div_euclid(PART))?.get(&number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &File)> {
        self.parts.values().flat_map(|part| part.iter()).map(|(number, file)| (*number, &**file))
    }

    pub(super) fn insert(&mut self, number: i64, mut file: File) {
        file.name.truncate(NAME_BYTES);
        if let Some(name) = &mut file.raw_name {
            name.truncate(NAME_BYTES);
        }
        if self.count >= OPEN && self.get(number).is_none() {
            return;
        }
        self.cost += file.cost();
        self.count(number, file.kind, true);
        let part = self.parts.entry(number.div_euclid(PART)).or_default();
        match Arc::make_mut(part).insert(number, Arc::new(file)) {
            Some(before) => {
                self.cost = self.cost.saturating_sub(before.cost());
                self.count(number, before.kind, false);
            }
            None => self.count += 1,
        }
    }

    pub(super) fn change(&mut self, number: i64, change: impl FnOnce(&mut File)) {
        let part = self.parts.get_mut(&number.div_euclid(PART)).map(Arc::make_mut);
        if let Some(file) = part.and_then(|part| part.get_mut(&number)) {
            let (before, kind_before) = (file.cost(), file.kind);
            let file = Arc::make_mut(file);
            change(file);
            file.name.truncate(NAME_BYTES);
            let kind = file.kind;
            self.cost = (self.cost + file.cost()).saturating_sub(before);
            self.count(number, kind, true);
            self.count(number, kind_before, false);
        }
    }

    pub(super) fn remove(&mut self, number: i64) {
        let key = number.div_euclid(PART);
        let Some(part) = self.parts.get_mut(&key).filter(|part| part.contains_key(&number)) else { return };
        let part = Arc::make_mut(part);
        if let Some(file) = part.remove(&number) {
            self.count = self.count.saturating_sub(1);
            self.cost = self.cost.saturating_sub(file.cost());
            if part.is_empty() {
                self.parts.remove(&key);
            }
            self.count(number, file.kind, false);
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(i64, &File) -> bool) {
        let leaves: Vec<i64> =
            self.iter().filter(|(number, file)| !keep(*number, file)).map(|(number, _)| number).collect();
        for number in leaves {
            self.remove(number);
        }
    }
}

/// A protocol over IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Protocol {
    #[default]
    Unknown,
    Tcp,
    Udp,
    Icmp,
    Raw,
}

impl Protocol {
    /// By the number of it in lists of descriptors.
    pub(super) fn of_list(number: u8) -> Self {
        match number {
            2 => Self::Tcp,
            3 => Self::Udp,
            4 => Self::Icmp,
            5 => Self::Raw,
            _ => Self::Unknown,
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Tcp => Some("tcp"),
            Self::Udp => Some("udp"),
            Self::Icmp => Some("icmp"),
            Self::Raw => Some("raw"),
            Self::Unknown => None,
        }
    }
}

/// Which end of a socket the process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    Unknown,
    Client,
    Server,
}

/// What is known of the ends of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Known {
    #[default]
    Nothing,
    /// It waits here.
    Listening(End),
    /// Client and server.
    Both([End; 2]),
}

/// An open descriptor.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) kind: DescriptorType,
    pub(super) name: Bytes,
    pub(super) raw_name: Option<Bytes>,
    pub(super) device: Option<u32>,
    pub(super) inode: Option<u64>,
    pub(super) flags: u32,
    pub(super) is_socket: bool,
    pub(super) protocol: Protocol,
    pub(super) role: Role,
    pub(super) known: Known,
    pub(super) is_connected: bool,
    /// The process that a descriptor of one stands for.
    pub(super) process: Option<i64>,
}

impl File {
    pub(super) fn new(kind: DescriptorType) -> Self {
        Self { kind, ..Self::default() }
    }

    /// How much room it takes.
    pub(super) fn cost(&self) -> usize {
        1 + (self.name.len() + self.raw_name.as_ref().map_or(0, Vec::len)) / COST_BYTES
    }

    pub(super) fn is_internet(&self) -> bool {
        matches!(self.kind, DescriptorType::Ipv4 | DescriptorType::Ipv6)
    }

    /// It is closed when a new program begins.
    pub(super) fn is_close_on_exec(&self) -> bool {
        self.flags & CLOSE_ON_EXEC != 0 || (self.kind == DescriptorType::Eventpoll && self.flags & 1 != 0)
    }

    /// The same, for another number.
    pub(super) fn duplicate(&self) -> Self {
        // The bit of descriptors that wait, and of files in memory, is another.
        let own = matches!(self.kind, DescriptorType::Eventpoll | DescriptorType::Memfd);
        Self { flags: self.flags & !(CLOSE_ON_EXEC | u32::from(own)), ..self.clone() }
    }

    /// Gives both ends; true where they are others than before, in either order.
    pub(super) fn set_ends(&mut self, ends: [End; 2]) -> bool {
        self.kind = kind_of(ends[0]);
        self.is_socket = true;
        let is_changed = match self.known {
            Known::Both([source, destination]) => {
                ends != [source, destination] && ends != [destination, source]
            }
            Known::Listening(_) | Known::Nothing => true,
        };
        if is_changed {
            self.known = Known::Both(ends);
        }
        is_changed
    }

    pub(super) fn swap_ends(&mut self) {
        if let Known::Both([source, destination]) = self.known {
            self.known = Known::Both([destination, source]);
        }
    }

    /// Names the socket after its ends.
    pub(super) fn name_after_ends(&mut self) {
        if let Known::Both(ends @ [source, destination]) = self.known {
            self.name = match self.protocol {
                Protocol::Tcp | Protocol::Udp => Ends::Internet(ends).print(),
                Protocol::Icmp | Protocol::Raw => format!("{}->{}", source.0, destination.0).into_bytes(),
                Protocol::Unknown => b"<unknown>".to_vec(),
            };
        }
    }

    pub(super) fn listen(&mut self, end: End) {
        self.kind = kind_of(end);
        self.is_socket = true;
        self.known = Known::Listening(end);
        self.role = Role::Server;
        self.name = print(end).into_bytes();
    }

    pub(super) fn name_after(&mut self, address: &Address) {
        self.name = address.print();
    }

    /// The descriptor as rules see it.
    pub(super) fn describe(&self, number: i64, is_name_changed: bool) -> Descriptor {
        let protocol = (self.role != Role::Unknown
            || matches!(self.known, Known::Listening(_))
            || self.protocol == Protocol::Raw)
            .then(|| self.protocol.name())
            .flatten();
        let socket = self.is_socket.then_some(Socket {
            protocol,
            client: match self.known {
                Known::Both([client, _]) => Some(client),
                _ => None,
            },
            server: match self.known {
                Known::Both([_, server]) | Known::Listening(server) => Some(server),
                Known::Nothing => None,
            },
            is_server: match self.role {
                Role::Server => Some(true),
                Role::Client => Some(false),
                Role::Unknown => None,
            },
            is_connected: self.is_connected,
            are_own: None,
            names: [None, None],
        });
        Descriptor {
            number: Some(number),
            kind: self.kind,
            name: Some(self.name.clone()),
            raw_name: self.raw_name.clone(),
            device: self.device,
            inode: self.inode,
            open_flags: Some(self.flags),
            is_upper_layer: self.flags & UPPER_LAYER != 0,
            is_lower_layer: self.flags & LOWER_LAYER != 0,
            socket,
            is_name_changed,
        }
    }
}

/// The kind of a socket with such an end.
pub(super) fn kind_of(end: End) -> DescriptorType {
    if end.0.is_ipv4() { DescriptorType::Ipv4 } else { DescriptorType::Ipv6 }
}
