//! Half of a processor: how one document becomes bytes.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use tidemill_engine::processor::{Document, ProcessorError};
use tidemill_processors::{Aggregator, Codec, Malformed, Origin, Serializer, Unpacked};

use super::super::{
    ProcessorSlot,
    contract::SerializerFunctions,
    turn::{Running, Turn, call},
};
use crate::{bindings::processors::SerializerAnswer, fault::Fault, words};

/// A serializer: one of the host's own, or a component's.
#[derive(Debug)]
pub enum SerializerHalf<C> {
    /// One of the host's own.
    Native(Serializer),
    /// A component's.
    Component(C),
}

/// What became of each document, in order, or why it was refused or rejected.
type Results = Vec<Result<Bytes, String>>;

impl SerializerHalf<ProcessorSlot> {
    /// What logs and errors call it.
    pub fn label(&self) -> String {
        match self {
            Self::Native(serializer) => serializer.to_string(),
            Self::Component(slot) => slot.label().to_string(),
        }
    }

    /// Where its component is, if it is one.
    pub fn slot(&self) -> Option<&ProcessorSlot> {
        match self {
            Self::Native(_) => None,
            Self::Component(slot) => Some(slot),
        }
    }
}

impl SerializerHalf<Arc<Turn>> {
    /// Makes bytes of documents.
    pub async fn serialize(&self, documents: &[Document]) -> Result<Results, ProcessorError> {
        let serializer = match self {
            Self::Native(serializer) => *serializer,
            Self::Component(turn) => {
                let lists: Vec<&[u8]> = documents.iter().map(|document| &*document.data).collect();
                return called(turn, &lists, |functions| functions.serialize).await;
            }
        };
        let mut scratch = Vec::new();
        let mut serialized = |document: &Document| match serializer.serialize(&document.data, &mut scratch) {
            Ok(bytes) if std::ptr::eq(bytes, &*document.data) => Ok(document.data.clone()),
            Ok(bytes) => Ok(Bytes::copy_from_slice(bytes)),
            Err(malformed) => Err(malformed.to_string()),
        };
        Ok(documents.iter().map(&mut serialized).collect())
    }

    /// Makes documents of bytes.
    pub async fn deserialize(&self, data: &[Bytes]) -> Result<Results, ProcessorError> {
        match self {
            Self::Native(serializer) => {
                let codec = Codec { aggregator: Aggregator::Simple, serializer: *serializer };
                let deserialized = |data: &Bytes| {
                    let mut only = Only { data, result: Err("there is no document".to_owned()) };
                    codec.unpack(data, &mut only);
                    only.result
                };
                Ok(data.iter().map(deserialized).collect())
            }
            Self::Component(turn) => {
                let lists: Vec<&[u8]> = data.iter().map(|data| &**data).collect();
                called(turn, &lists, |functions| functions.deserialize).await
            }
        }
    }
}

/// A function of a serializer's, which all are alike.
type Function = wasmtime::component::TypedFunc<(&'static [&'static [u8]],), SerializerAnswer>;

async fn called(
    turn: &Turn,
    lists: &[&[u8]],
    function: fn(SerializerFunctions) -> Function,
) -> Result<Results, ProcessorError> {
    if lists.is_empty() {
        return Ok(Vec::new());
    }
    turn.take(lists.len(), |now| answered(now, lists, function)).await
}

async fn answered(
    generation: Running,
    lists: &[&[u8]],
    function: fn(SerializerFunctions) -> Function,
) -> Result<Results, Fault> {
    let called = call(generation, |functions| function(functions.serializer()), (lists,)).await?;
    called.checked(|(answers,)| {
        if answers.len() != lists.len() {
            let (answers, given) = (answers.len(), lists.len());
            let reason =
                format!("there is not one answer for each document, answers={answers} documents={given}");
            return Err(Fault::malformed(reason));
        }
        Ok(answers.into_iter().map(|answer| answer.map_err(|reason| words::repeated(&reason))).collect())
    })
}

/// Takes the one document that a record of its own holds.
struct Only<'a> {
    data: &'a Bytes,
    result: Result<Bytes, String>,
}

impl Unpacked for Only<'_> {
    fn part(&mut self, place: Range<usize>, _: &Origin<'_>) {
        self.result = Ok(self.data.slice(place));
    }

    fn made(&mut self, _: &Origin<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) {
        let mut made = Vec::new();
        self.result = write(&mut made).map(|()| made.into()).map_err(|malformed| malformed.to_string());
    }

    fn rejected(&mut self, why: &Malformed) {
        self.result = Err(why.to_string());
    }
}
