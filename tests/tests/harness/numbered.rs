//! Documents with a key and a number that counts up under it: what was put can be held against what came out.

use std::{collections::BTreeMap, fmt};

/// A document: its key, and its place among those of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Numbered {
    /// The key.
    pub key: u32,
    /// Its place among the documents of its key, from 0.
    pub number: u32,
}

impl Numbered {
    /// The partition key that it is put under.
    pub fn partition_key(self) -> String {
        format!("key-{}", self.key)
    }

    /// The document that a line is.
    pub fn read(line: &str) -> Self {
        let document: serde_json::Value = serde_json::from_str(line).expect("the documents are JSON");
        let field = |name: &str| {
            let value = document[name].as_u64().and_then(|value| u32::try_from(value).ok());
            value.unwrap_or_else(|| panic!("{name} is no small number: {line}"))
        };
        Self { key: field("key"), number: field("number") }
    }
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"key\":{},\"number\":{}}}", self.key, self.number)
    }
}

/// One document of every key at a time, each key's in order.
#[derive(Debug, Default)]
pub struct Numbers {
    keys: u32,
    rounds: u32,
}

impl Numbers {
    /// Of so many keys.
    pub fn of(keys: u32) -> Self {
        Self { keys, rounds: 0 }
    }

    /// The next document of every key.
    pub fn next_round(&mut self) -> Vec<Numbered> {
        let number = self.rounds;
        self.rounds += 1;
        (0..self.keys).map(|key| Numbered { key, number }).collect()
    }

    /// How many there were so far.
    pub fn count(&self) -> usize {
        (self.keys * self.rounds) as usize
    }

    /// Every document so far, a key after the other.
    pub fn all(&self) -> impl Iterator<Item = Numbered> {
        let rounds = self.rounds;
        (0..self.keys).flat_map(move |key| (0..rounds).map(move |number| Numbered { key, number }))
    }
}

/// How often each document came out.
#[derive(Debug, Default)]
pub struct CameOut {
    times: BTreeMap<Numbered, usize>,
    /// The number after the last that came for the first time, by key.
    next: BTreeMap<u32, u32>,
}

impl CameOut {
    /// Takes in a document. Those of a key have to be given in the order in which they came out.
    ///
    /// # Panics
    /// If one before it, under its key, has not come out before.
    pub fn take_in(&mut self, document: Numbered) {
        let next = self.next.entry(document.key).or_default();
        assert!(
            document.number <= *next,
            "the order of a key was broken or a document lost: {document} came before number={next}"
        );
        *next = (*next).max(document.number + 1);
        *self.times.entry(document).or_default() += 1;
    }

    /// Different documents.
    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// Those that came out more than once, with how often.
    pub fn doubled(&self) -> impl Iterator<Item = (Numbered, usize)> {
        self.times.iter().filter(|(_, times)| **times > 1).map(|(document, times)| (*document, *times))
    }

    /// Whether it came out.
    pub fn has(&self, document: Numbered) -> bool {
        self.times.contains_key(&document)
    }
}

impl FromIterator<Numbered> for CameOut {
    fn from_iter<T: IntoIterator<Item = Numbered>>(documents: T) -> Self {
        let mut came_out = Self::default();
        documents.into_iter().for_each(|document| came_out.take_in(document));
        came_out
    }
}

#[test]
fn what_comes_again_is_counted_and_keeps_the_order() {
    let came_out: CameOut = [0, 1, 0, 1, 2].map(|number| Numbered { key: 7, number }).into_iter().collect();
    let doubled: Vec<_> = came_out.doubled().map(|(document, times)| (document.number, times)).collect();
    assert_eq!((came_out.count(), doubled), (3, vec![(0, 2), (1, 2)]));
}

#[test]
#[should_panic(expected = "the order of a key was broken or a document lost")]
fn a_document_that_comes_before_its_turn_is_noticed() {
    let _: CameOut = [0, 2, 1].map(|number| Numbered { key: 7, number }).into_iter().collect();
}
