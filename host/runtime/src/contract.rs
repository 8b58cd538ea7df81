//! What the host wants a component for, and which of its functions it calls for that.

use std::{fmt, hash::Hash, path::Path};

use wasmtime::{
    Store,
    component::{
        Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower, TypedFunc,
        types::ComponentItem,
    },
};

use crate::{error::ComponentError, state::State};

/// What the host wants a component for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Business logic.
    Handler,
    /// Both halves of a processor.
    Processor,
    /// A processor's serializer alone.
    Serializer,
    /// A processor's aggregator alone.
    Aggregator,
}

/// An interface of the contract that components export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// A handler that is given its batches packed.
    PackedRecordHandler,
    /// A handler that is given its batches as lists.
    RecordHandler,
    /// Both halves of a processor, packed.
    PackedProcessor,
    /// A serializer.
    Serializer,
    /// An aggregator.
    Aggregator,
    /// What a handler is told of its instance's life.
    LifeCycle,
}

impl Role {
    /// The interfaces that the host calls in this role; none where the component lacks them. The packed form goes
    /// before the plain one.
    pub(crate) fn interfaces(self, component: &Component) -> Option<&'static [Interface]> {
        use Interface::{
            Aggregator, LifeCycle, PackedProcessor, PackedRecordHandler, RecordHandler, Serializer,
        };
        let choices: &'static [&'static [Interface]] = match self {
            Self::Handler => &[
                &[PackedRecordHandler, LifeCycle],
                &[PackedRecordHandler],
                &[RecordHandler, LifeCycle],
                &[RecordHandler],
            ],
            Self::Processor => &[&[PackedProcessor], &[Serializer, Aggregator]],
            Self::Serializer => &[&[Serializer]],
            Self::Aggregator => &[&[Aggregator]],
        };
        choices.iter().copied().find(|choice| choice.iter().all(|interface| interface.is_in(component)))
    }

    /// What has to be exported, for people.
    fn wants(self) -> &'static str {
        match self {
            Self::Handler => "record-handler or packed-record-handler",
            Self::Processor => "packed-processor, or serializer and aggregator",
            Self::Serializer => "serializer",
            Self::Aggregator => "aggregator",
        }
    }

    /// What to do with a component that lacks the interfaces of this role, as far as its other exports tell.
    pub(crate) fn advice(self, exports: &[String]) -> String {
        let has = |interface: Interface| exports.iter().any(|name| name == interface.name());
        let [serializer, aggregator] = [has(Interface::Serializer), has(Interface::Aggregator)];
        let is_processor = has(Interface::PackedProcessor) || serializer || aggregator;
        let is_handler = has(Interface::RecordHandler) || has(Interface::PackedRecordHandler);
        match self {
            Self::Handler if is_processor => {
                "it is a processor: name it as `processor` of a source or a sink".to_owned()
            }
            Self::Processor if serializer => {
                "it is a serializer alone: name an aggregator beside it, processor = { aggregator = \"newline\", \
                 serializer = { component = … } }"
                    .to_owned()
            }
            Self::Processor if aggregator => {
                "it is an aggregator alone: name a serializer beside it, processor = { aggregator = { component = … }, \
                 serializer = \"json\" }"
                    .to_owned()
            }
            Self::Serializer | Self::Aggregator if is_processor => {
                "it is another part of a processor, or a whole one, which goes as { component = … }".to_owned()
            }
            Self::Handler => format!("build it for a world of tidemill:streams@0.1.0 that exports {}", self.wants()),
            _ if is_handler => "it is a handler: name it as `handler` of a pipeline".to_owned(),
            _ => format!("build it for a world of tidemill:streams@0.1.0 that exports {}", self.wants()),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handler => "record handler",
            Self::Processor => "processor",
            Self::Serializer => "serializer",
            Self::Aggregator => "aggregator",
        })
    }
}

impl Interface {
    /// The interface's name with its package and version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PackedRecordHandler => "tidemill:streams/packed-record-handler@0.1.0",
            Self::RecordHandler => "tidemill:streams/record-handler@0.1.0",
            Self::PackedProcessor => "tidemill:streams/packed-processor@0.1.0",
            Self::Serializer => "tidemill:streams/serializer@0.1.0",
            Self::Aggregator => "tidemill:streams/aggregator@0.1.0",
            Self::LifeCycle => "tidemill:streams/life-cycle@0.1.0",
        }
    }

    fn is_in(self, component: &Component) -> bool {
        component.get_export_index(None, self.name()).is_some()
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the functions that the host calls are in a component, each known to have the right shape.
pub trait Contract: Clone + fmt::Debug + Send + Sync + 'static {
    /// The same functions in an instance.
    type Functions: Clone + Send + Sync + 'static;
    /// What its instances are kept apart by.
    type Place: Clone + fmt::Debug + Eq + Hash + Send + Sync + 'static;

    /// Finds them in these interfaces, which the component has.
    fn find(interfaces: &[Interface], exports: &Exports<'_>) -> Result<Self, ComponentError>;

    /// Finds them in an instance.
    fn link(&self, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self::Functions>;
}

/// What a component exports, for one who looks for functions in it.
pub struct Exports<'a> {
    /// The component with everything that it imports.
    pub pre: &'a InstancePre<State>,
    /// Its file.
    pub path: &'a Path,
}

impl Exports<'_> {
    /// Finds a function, which must take and answer what is said.
    pub fn function<Params, Answer>(
        &self,
        interface: Interface,
        name: &str,
    ) -> Result<ExportedFunction<Params, Answer>, ComponentError>
    where
        Params: ComponentNamedList + Lower,
        Answer: ComponentNamedList + Lift,
    {
        let shape = |reason| ComponentError::Shape {
            path: self.path.to_owned(),
            interface: interface.name(),
            reason,
        };
        let component = self.pre.component();
        let instance = component.get_export_index(None, interface.name());
        let found = instance.and_then(|instance| component.get_export(Some(&instance), name));
        let Some((ComponentItem::ComponentFunc(function), index)) = found else {
            return Err(shape(format!("there is no function named {name}")));
        };
        function
            .typecheck::<Params, Answer>(&self.pre.instance_type())
            .map_err(|error| shape(format!("{error:#}")))?;
        Ok(ExportedFunction { index, types: std::marker::PhantomData })
    }
}

/// Where a function of known shape is in a component.
pub struct ExportedFunction<Params, Answer> {
    index: ComponentExportIndex,
    types: std::marker::PhantomData<fn(Params) -> Answer>,
}

impl<Params, Answer> ExportedFunction<Params, Answer>
where
    Params: ComponentNamedList + Lower,
    Answer: ComponentNamedList + Lift,
{
    /// The function in an instance of the component.
    pub fn of(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<TypedFunc<Params, Answer>> {
        instance.get_typed_func(store, self.index)
    }
}

impl<Params, Answer> Clone for ExportedFunction<Params, Answer> {
    fn clone(&self) -> Self {
        Self { index: self.index, types: self.types }
    }
}

impl<Params, Answer> fmt::Debug for ExportedFunction<Params, Answer> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportedFunction")
    }
}
