//! Letters that are larger than a record of their stream: they are cut into parts, and put together when they are read.
//!
//! A letter's data takes a third more room than the record that it came in, so one that nearly filled its record does
//! not fit a stream with records of the same size. Each part is a line of its own with everything but its share of the
//! data. All parts have the letter's keys, so they lie in one shard.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tidemill_engine::{
    dead_letter::{DeadLetter, DeadLetterError},
    limits,
};

use super::form::{self, Unreadable};

/// Which part of a letter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Counts the parts of the letter, from 1.
    number: u32,
    /// How many there are.
    of: u32,
}

/// What one line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub(super) letter: DeadLetter,
    pub(super) part: Option<Part>,
}

impl Piece {
    /// The letter, with no more than its share of the data where it is a part.
    pub fn letter(&self) -> &DeadLetter {
        &self.letter
    }

    /// The letter, where it is a whole one.
    ///
    /// # Errors
    /// [`Unreadable::Part`] where it is not.
    pub fn whole(self) -> Result<DeadLetter, Unreadable> {
        match self.part {
            None => Ok(self.letter),
            Some(_) => Err(Unreadable::Part),
        }
    }
}

/// The lines of a letter, each of at most so many bytes.
pub(super) fn cut(letter: &DeadLetter, most_bytes: usize) -> Result<Vec<String>, DeadLetterError> {
    let whole = form::write(letter);
    if whole.len() <= most_bytes {
        return Ok(vec![whole]);
    }
    let largest = Part { number: u32::MAX, of: u32::MAX };
    let room = most_bytes.saturating_sub(form::write_piece(letter, &[], None, Some(largest)).len());
    // Base64 makes four bytes of three.
    let share = room / 4 * 3;
    if share == 0 {
        return Err(DeadLetterError(format!(
            "a record of the stream holds no letter at all: let it have larger ones, bytes={most_bytes}"
        )));
    }
    let of = letter.data.len().div_ceil(share).max(1);
    let of = u32::try_from(of).map_err(|error| super::not_kept(&error))?;
    let shares = letter.data.chunks(share).zip(1..);
    Ok(shares
        .map(|(data, number)| form::write_piece(letter, data, None, Some(Part { number, of })))
        .collect())
}

/// Puts letters together whose parts come one after another, among others.
#[derive(Debug, Default)]
pub struct Gathering {
    /// By the letter's name.
    open: BTreeMap<String, Open>,
    began: u64,
}

#[derive(Debug)]
struct Open {
    began: u64,
    of: u32,
    shares: BTreeMap<u32, Bytes>,
}

impl Gathering {
    /// The letter that is whole with this piece, if it is. Of letters that are never whole, the oldest are forgotten.
    pub fn add(&mut self, piece: Piece) -> Option<DeadLetter> {
        let Piece { letter, part: Some(Part { number, of }) } = piece else { return Some(piece.letter) };
        let id = form::id(&letter);
        if self.open.len() >= limits::DEAD_LETTERS_IN_PARTS && !self.open.contains_key(&id) {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.began).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.open.remove(&id));
        }
        self.began += 1;
        let began = self.began;
        let open = self.open.entry(id.clone()).or_insert_with(|| Open { began, of, shares: BTreeMap::new() });
        if open.of != of {
            // It failed again, and was cut in another way.
            *open = Open { began, of, shares: BTreeMap::new() };
        }
        open.shares.insert(number, letter.data.clone());
        if open.shares.len() < of as usize {
            return None;
        }
        let shares = self.open.remove(&id)?.shares;
        let data = shares.values().fold(BytesMut::new(), |mut data, share| {
            data.extend_from_slice(share);
            data
        });
        Some(DeadLetter { data: data.freeze(), ..letter })
    }

    /// Whether parts are missing so far of the letter of this name, and others are there.
    pub fn has(&self, id: &str) -> bool {
        self.open.contains_key(id)
    }

    #[cfg(test)]
    fn open(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::form::tests::letter, *};

    fn pieces(letter: &DeadLetter, most: usize) -> Vec<Piece> {
        let lines = cut(letter, most).unwrap();
        assert!(lines.iter().all(|line| line.len() <= most), "a line is larger than a record");
        lines.iter().map(|line| form::read(line.as_bytes()).unwrap()).collect()
    }

    fn large(sub_sequence: u32) -> DeadLetter {
        let data: Vec<u8> = (0..10_000_u32).map(|at| (at % 251) as u8).collect();
        DeadLetter { sub_sequence, ..letter(data) }
    }

    #[test]
    fn a_letter_that_fits_is_one_line_and_a_larger_one_is_cut_and_comes_back_whole() {
        let whole = form::write(&large(0)).len();
        assert_eq!(cut(&large(0), whole).unwrap().len(), 1);
        for most in [whole - 1, 4_000, 2_000, 900] {
            let mut gathering = Gathering::default();
            let pieces = pieces(&large(0), most);
            assert!(pieces.len() > 1);
            let gathered: Vec<_> = pieces.into_iter().filter_map(|piece| gathering.add(piece)).collect();
            assert_eq!((gathered, gathering.open()), (vec![large(0)], 0), "records of {most} bytes");
        }
    }

    #[test]
    fn parts_of_several_letters_may_mix_and_come_twice() {
        let (one, two) = (pieces(&large(1), 4_000), pieces(&large(2), 4_000));
        let mut gathering = Gathering::default();
        let torn = one[0].clone();
        let mixed = [torn].into_iter().chain(one.into_iter().zip(two).flat_map(|(one, two)| [one, two]));
        let gathered: Vec<_> = mixed.filter_map(|piece| gathering.add(piece)).collect();
        assert_eq!(gathered, [large(1), large(2)]);
    }

    #[test]
    fn what_is_never_whole_is_forgotten_in_the_end() {
        let mut gathering = Gathering::default();
        for sub_sequence in 0..2_000 {
            assert_eq!(gathering.add(pieces(&large(sub_sequence), 4_000).remove(0)), None);
            assert!(gathering.open() <= limits::DEAD_LETTERS_IN_PARTS);
        }
    }

    #[test]
    fn a_record_too_small_for_any_letter_is_told() {
        let refused = cut(&large(0), 100).unwrap_err().to_string();
        assert!(refused.contains("let it have larger ones, bytes=100"), "{refused}");
    }
}
