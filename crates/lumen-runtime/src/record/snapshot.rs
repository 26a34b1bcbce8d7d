//! What is known of a thread or a container, read out of its bytes when it is asked for.

use super::DescriptorType;
use super::bytes::{Parts, u16_at, u32_at, u64_at};
use super::wire::{ContainerText, NO_SNAPSHOT, Number, Text, snapshot as place};

/// A thread or a container in bytes that were found whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot<'b> {
    bytes: &'b [u8],
    /// Where the ends of texts are, and where the texts begin.
    ends: usize,
    texts: usize,
    numbers_present: u64,
    texts_present: u64,
}

impl<'b> Snapshot<'b> {
    /// Reads the places of what is there. Nothing where they are broken.
    pub(super) fn read(bytes: &'b [u8]) -> Option<Self> {
        let numbers = usize::from(u16_at(bytes, place::NUMBER_COUNT)?);
        let texts = usize::from(u16_at(bytes, place::TEXT_COUNT)?);
        let ends = place::NUMBERS + numbers * 8;
        let whole = Self {
            bytes,
            ends,
            texts: ends + texts * 4,
            numbers_present: u64_at(bytes, place::NUMBERS_PRESENT)? & mask(numbers),
            texts_present: u64_at(bytes, place::TEXTS_PRESENT)? & mask(texts),
        };
        (bytes.len() >= whole.texts).then_some(whole)
    }

    /// Whether the texts are where they are said to be.
    pub(super) fn is_sound(&self) -> bool {
        let Some(table) = self.bytes.get(self.ends..self.texts) else { return false };
        let mut before = 0;
        table.chunks_exact(4).all(|end| {
            let end = u32_at(end, 0).unwrap_or(u32::MAX);
            let is_sound = end >= before;
            before = end;
            is_sound
        }) && usize::try_from(before).is_ok_and(|end| end <= self.bytes.len() - self.texts)
    }

    /// The number of the parent's snapshot.
    pub(super) fn parent(&self) -> Option<u32> {
        u32_at(self.bytes, place::PARENT).filter(|number| *number != NO_SNAPSHOT)
    }

    /// The number of the container's snapshot.
    pub(super) fn container(&self) -> Option<u32> {
        u32_at(self.bytes, place::CONTAINER).filter(|number| *number != NO_SNAPSHOT)
    }

    /// Whether something is so.
    pub(super) fn is(&self, flag: u32) -> bool {
        u32_at(self.bytes, place::FLAGS).unwrap_or(0) & flag != 0
    }

    /// The number at a place of the table.
    pub(super) fn number_at(&self, at: usize) -> Option<u64> {
        let is_there = self.numbers_present.checked_shr(u32::try_from(at).ok()?)? & 1 == 1;
        if is_there { u64_at(self.bytes, place::NUMBERS + at * 8) } else { None }
    }

    /// The text at a place of the table.
    pub(super) fn text_at(&self, at: usize) -> Option<&'b [u8]> {
        if self.texts_present.checked_shr(u32::try_from(at).ok()?)? & 1 == 0 {
            return None;
        }
        let end = |at: usize| usize::try_from(u32_at(self.bytes, self.ends + at * 4)?).ok();
        let start = at.checked_sub(1).map_or(Some(0), end)?;
        self.bytes.get(self.texts + start..self.texts + end(at)?)
    }
}

/// Bits for so many places.
fn mask(count: usize) -> u64 {
    u32::try_from(count).ok().and_then(|count| 1_u64.checked_shl(count)).map_or(u64::MAX, |bit| bit - 1)
}

/// A thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadView<'b>(pub(super) Snapshot<'b>);

impl<'b> ThreadView<'b> {
    /// A number.
    pub(super) fn number(&self, number: Number) -> Option<u64> {
        self.0.number_at(number as usize)
    }

    /// A number with a sign.
    #[expect(clippy::cast_possible_wrap, reason = "its bits were written; it gets its sign back")]
    pub(super) fn signed(&self, number: Number) -> Option<i64> {
        self.number(number).map(|number| number as i64)
    }

    /// A text.
    pub(super) fn text(&self, text: Text) -> Option<&'b [u8]> {
        self.0.text_at(text as usize)
    }

    fn name_bytes(&self) -> Option<usize> {
        self.number(Number::NameBytes).and_then(|bytes| usize::try_from(bytes).ok())
    }

    /// The name of the program.
    pub(super) fn name(&self) -> Option<&'b [u8]> {
        self.text(Text::CommandLine)?.get(..self.name_bytes()?)
    }

    /// The name of the process: of its first thread.
    pub(super) fn process_name(&self) -> Option<&'b [u8]> {
        self.text(Text::MainName).or_else(|| self.name())
    }

    /// The name and the arguments.
    pub(super) fn command_line(&self) -> Option<&'b [u8]> {
        self.name_bytes()?;
        self.text(Text::CommandLine)
    }

    /// The arguments, with a blank between two.
    pub(super) fn arguments(&self) -> Option<&'b [u8]> {
        let ends = self.text(Text::ArgumentEnds)?;
        let line = self.text(Text::CommandLine)?;
        if ends.is_empty() {
            return Some(&[]);
        }
        line.get(self.name_bytes().unwrap_or(0) + 1..)
    }

    /// The arguments, one by one.
    pub(super) fn each_argument(&self) -> Option<Words<'b>> {
        Some(Words { text: self.arguments()?, ends: self.text(Text::ArgumentEnds)?, start: 0 })
    }

    /// The variables of the environment, one by one.
    pub(super) fn each_variable(&self) -> Option<Words<'b>> {
        Some(Words { text: self.text(Text::Environment)?, ends: self.text(Text::EnvironmentEnds)?, start: 0 })
    }

    /// The control groups, one by one.
    pub(super) fn each_control_group(&self) -> Option<Words<'b>> {
        Some(Words {
            text: self.text(Text::ControlGroups)?,
            ends: self.text(Text::ControlGroupEnds)?,
            start: 0,
        })
    }

    /// What standard input, output or error stands for.
    pub(super) fn standard_type(&self, place: usize) -> Option<DescriptorType> {
        let code = *self.text(Text::StandardTypes)?.get(place)?;
        if code == u8::MAX { None } else { Some(DescriptorType::from_code(code)) }
    }
}

/// Words with a blank between two, and where each ends.
#[derive(Clone, Debug)]
pub(super) struct Words<'b> {
    text: &'b [u8],
    ends: &'b [u8],
    start: usize,
}

impl Words<'_> {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ends.len() / 4
    }

    /// How many bytes they have together, blanks between them not counted.
    pub(super) fn bytes(&self) -> usize {
        self.text.len().saturating_sub(self.count().saturating_sub(1))
    }
}

impl<'b> Iterator for Words<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let end = usize::try_from(u32_at(self.ends, 0)?).ok()?;
        self.ends = self.ends.get(4..)?;
        let word = self.text.get(self.start..end);
        self.start = end + 1;
        Some(word.unwrap_or_default())
    }
}

/// A container.
#[derive(Clone, Copy, Debug)]
pub(super) struct ContainerView<'b>(pub(super) Snapshot<'b>);

impl<'b> ContainerView<'b> {
    /// A text.
    pub(super) fn text(&self, text: ContainerText) -> Option<&'b [u8]> {
        self.0.text_at(text as usize)
    }

    /// Pairs of texts.
    pub(super) fn pairs(&self, text: ContainerText) -> impl Iterator<Item = (&'b [u8], &'b [u8])> + use<'b> {
        let mut parts = Parts::new(self.text(text).unwrap_or_default());
        std::iter::from_fn(move || Some((parts.text()?, parts.text()?)))
    }

    /// Its mounts.
    pub(super) fn mounts(&self) -> impl Iterator<Item = MountView<'b>> + use<'b> {
        let mut parts = Parts::new(self.text(ContainerText::Mounts).unwrap_or_default());
        std::iter::from_fn(move || {
            Some(MountView {
                source: parts.text()?,
                destination: parts.text()?,
                mode: parts.text()?,
                propagation: parts.text()?,
                is_writable: parts.u8()? != 0,
            })
        })
    }
}

/// A mount of a container.
#[derive(Clone, Copy, Debug)]
pub(super) struct MountView<'b> {
    pub(super) source: &'b [u8],
    pub(super) destination: &'b [u8],
    pub(super) mode: &'b [u8],
    pub(super) propagation: &'b [u8],
    pub(super) is_writable: bool,
}
