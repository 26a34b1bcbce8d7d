//! A text that was put together of several places, which still knows where each part comes from.

use super::problem::Spot;

/// A text and where its parts come from; a place with an offset begins within its scalar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pieces {
    text: String,
    /// Where each part begins, and where it stands in a file; in order.
    origins: Vec<(usize, Spot)>,
}

impl Pieces {
    pub(super) fn new(text: &str, spot: Spot) -> Self {
        let mut pieces = Self::default();
        pieces.push(text, Some(spot));
        pieces
    }

    /// Adds a text; one without a place belongs to the place before it.
    pub(super) fn push(&mut self, text: &str, spot: Option<Spot>) {
        if let Some(spot) = spot {
            self.origins.push((self.text.len(), spot));
        }
        self.text.push_str(text);
    }

    /// Adds another behind a blank.
    pub(super) fn append(&mut self, other: &Self) {
        self.text.push(' ');
        self.extend(other);
    }

    /// Adds another.
    pub(super) fn extend(&mut self, other: &Self) {
        let length = self.text.len();
        self.origins.extend(other.origins.iter().map(|(at, spot)| (length + at, spot.clone())));
        self.text.push_str(&other.text);
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where a byte of the text comes from.
    pub(super) fn spot(&self, byte: usize) -> Spot {
        let behind = self.origins.partition_point(|(at, _)| *at <= byte);
        match behind.checked_sub(1).and_then(|last| self.origins.get(last)) {
            Some((at, spot)) => {
                Spot { offset: Some(spot.offset.unwrap_or_default() + byte - at), ..spot.clone() }
            }
            None => self.origins.first().map(|(_, spot)| spot.clone()).unwrap_or_default(),
        }
    }
}
