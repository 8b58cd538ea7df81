//! Files of byte strings, each behind its length in four bytes: how documents and records go to a script and back.

use std::fs;

use crate::harness::place::Place;

/// The byte strings of a file.
pub fn read(place: &Place, name: &str) -> Vec<Vec<u8>> {
    let data = fs::read(place.path().join(name)).expect("the script wrote the file");
    let (mut rest, mut strings) = (&data[..], Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (string, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        strings.push(string.to_vec());
        rest = behind;
    }
    assert!(rest.is_empty(), "{name} ends within a length");
    strings
}

/// Writes byte strings to a file.
pub fn write(place: &Place, name: &str, strings: &[Vec<u8>]) {
    let mut data = Vec::new();
    for string in strings {
        let length = u32::try_from(string.len()).expect("documents and records are short");
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(string);
    }
    place.write(name, data);
}
