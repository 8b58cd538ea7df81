//! What aggregators put around the documents of an entry.

use crate::Item;

/// An entry in the making, behind whatever else the output holds. One of these makes entry after entry: closing one
/// makes it as new.
pub(crate) trait Framing<'a> {
    /// Bytes of the entry's data if it were closed with this document in it, too. `so_far` counts what
    /// [`Framing::add`] has appended for the entry.
    fn size_with(&self, so_far: usize, item: &Item<'a>, bytes: &[u8]) -> usize;

    /// Adds a document in its bytes.
    fn add(&mut self, so_far: usize, item: &Item<'a>, bytes: &[u8], out: &mut Vec<u8>);

    /// Ends the entry that begins at `start` and has a document.
    fn close(&mut self, start: usize, out: &mut Vec<u8>);

    /// Completes all entries.
    fn finish(self, out: &mut Vec<u8>);
}

/// Puts bytes before what begins at a place.
pub(crate) fn insert(out: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = out.len();
    out.extend_from_slice(bytes);
    out.copy_within(at..end, at + bytes.len());
    out[at..at + bytes.len()].copy_from_slice(bytes);
}
