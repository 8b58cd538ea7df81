//! Which functions the host calls of a component that is a processor.

use wasmtime::{
    Store,
    component::{Instance, TypedFunc},
};

use crate::{
    bindings::processors::{
        DecodeAnswer, DecodeParams, EncodeAnswer, EncodeParams, ListsParams, PackAnswer, PackParams, SHARES,
        SerializerAnswer, SharesAnswer, UnpackAnswer,
    },
    contract::{Contract, ExportedFunction as Exported, Exports, Interface},
    error::ComponentError,
    state::State,
};

/// Where the functions are, each interface's where the component is called by it.
#[derive(Clone, Debug)]
pub struct ProcessorContract {
    packed: Option<(
        Exported<DecodeParams<'static>, DecodeAnswer>,
        Exported<EncodeParams<'static>, EncodeAnswer>,
    )>,
    serializer: Option<[Exported<ListsParams<'static>, SerializerAnswer>; 2]>,
    aggregator:
        Option<(Exported<PackParams<'static>, PackAnswer>, Exported<ListsParams<'static>, UnpackAnswer>)>,
    shares: Option<Exported<(), SharesAnswer>>,
}

/// The functions of an instance.
#[derive(Clone, Copy)]
pub struct ProcessorFunctions {
    /// Those of `packed-processor`.
    pub packed: Option<PackedFunctions>,
    /// Those of `serializer`.
    pub serializer: Option<SerializerFunctions>,
    /// Those of `aggregator`.
    pub aggregator: Option<AggregatorFunctions>,
    /// The one that both interfaces have which decide what may share an entry.
    pub shares: Option<TypedFunc<(), SharesAnswer>>,
}

/// The functions of `packed-processor`.
#[derive(Clone, Copy)]
pub struct PackedFunctions {
    pub decode: TypedFunc<DecodeParams<'static>, DecodeAnswer>,
    pub encode: TypedFunc<EncodeParams<'static>, EncodeAnswer>,
}

/// The functions of `serializer`.
#[derive(Clone, Copy)]
pub struct SerializerFunctions {
    pub serialize: TypedFunc<ListsParams<'static>, SerializerAnswer>,
    pub deserialize: TypedFunc<ListsParams<'static>, SerializerAnswer>,
}

/// The functions of `aggregator`.
#[derive(Clone, Copy)]
pub struct AggregatorFunctions {
    pub pack: TypedFunc<PackParams<'static>, PackAnswer>,
    pub unpack: TypedFunc<ListsParams<'static>, UnpackAnswer>,
}

impl Contract for ProcessorContract {
    type Functions = ProcessorFunctions;
    type Place = ();

    fn find(interfaces: &[Interface], exports: &Exports<'_>) -> Result<Self, ComponentError> {
        let mut found = Self { packed: None, serializer: None, aggregator: None, shares: None };
        for &interface in interfaces {
            match interface {
                Interface::Serializer => {
                    let function = |name| exports.function(interface, name);
                    found.serializer = Some([function("serialize")?, function("deserialize")?]);
                }
                Interface::Aggregator => {
                    found.aggregator =
                        Some((exports.function(interface, "pack")?, exports.function(interface, "unpack")?));
                    found.shares = Some(exports.function(interface, SHARES)?);
                }
                _ => {
                    let (decode, encode) =
                        (exports.function(interface, "decode")?, exports.function(interface, "encode")?);
                    found.packed = Some((decode, encode));
                    found.shares = Some(exports.function(interface, SHARES)?);
                }
            }
        }
        Ok(found)
    }

    fn link(&self, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<ProcessorFunctions> {
        let mut linked =
            ProcessorFunctions { packed: None, serializer: None, aggregator: None, shares: None };
        if let Some((decode, encode)) = &self.packed {
            let (decode, encode) = (decode.of(store, instance)?, encode.of(store, instance)?);
            linked.packed = Some(PackedFunctions { decode, encode });
        }
        if let Some([serialize, deserialize]) = &self.serializer {
            let (serialize, deserialize) = (serialize.of(store, instance)?, deserialize.of(store, instance)?);
            linked.serializer = Some(SerializerFunctions { serialize, deserialize });
        }
        if let Some((pack, unpack)) = &self.aggregator {
            let (pack, unpack) = (pack.of(store, instance)?, unpack.of(store, instance)?);
            linked.aggregator = Some(AggregatorFunctions { pack, unpack });
        }
        if let Some(shares) = &self.shares {
            linked.shares = Some(shares.of(store, instance)?);
        }
        Ok(linked)
    }
}

/// A component is only ever called by interfaces that were found in it when it was loaded.
const FOUND: &str = "the role that it was loaded for needs the interface";

impl ProcessorFunctions {
    /// Those of `packed-processor`.
    pub fn packed(&self) -> PackedFunctions {
        self.packed.expect(FOUND)
    }

    /// Those of `serializer`.
    pub fn serializer(&self) -> SerializerFunctions {
        self.serializer.expect(FOUND)
    }

    /// Those of `aggregator`.
    pub fn aggregator(&self) -> AggregatorFunctions {
        self.aggregator.expect(FOUND)
    }
}
