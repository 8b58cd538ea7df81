//! A processor from a text or a table.

use std::{
    fmt,
    marker::PhantomData,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use tidemill_processors::{Aggregator, Codec, Preset, Serializer};

use super::{ComponentConfig, HalfConfig, HashRangeConfig, ProcessorConfig, ProcessorKind};
use crate::config::sandbox::with_sandbox;

/// A preset, an aggregator and a serializer with a plus between, or the file of a component.
impl FromStr for ProcessorConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if Path::new(text).extension().is_some_and(|extension| extension == "wasm") {
            return Ok(ProcessorKind::Whole(ComponentConfig::new(text)).into());
        }
        let Some((aggregator, serializer)) = text.split_once('+') else {
            return preset(text).map(|codec| ProcessorKind::Native(codec).into());
        };
        let (aggregator, serializer) = (aggregator_named(aggregator)?, serializer_named(serializer)?);
        Ok(ProcessorKind::Native(Codec { aggregator, serializer }).into())
    }
}

impl FromStr for HalfConfig<Aggregator> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        aggregator_named(text).map(Self::Native)
    }
}

impl FromStr for HalfConfig<Serializer> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        serializer_named(text).map(Self::Native)
    }
}

fn preset(name: &str) -> Result<Codec, String> {
    let names = Preset::ALL.iter().map(|preset| preset.name);
    let found = Preset::named(name).map(|preset| preset.codec);
    found.ok_or_else(|| unknown("processor", name, names))
}

fn aggregator_named(name: &str) -> Result<Aggregator, String> {
    let found = Aggregator::ALL.into_iter().find(|aggregator| aggregator.name() == name);
    found.ok_or_else(|| unknown("aggregator", name, Aggregator::ALL.iter().map(|known| known.name())))
}

fn serializer_named(name: &str) -> Result<Serializer, String> {
    let found = Serializer::ALL.into_iter().find(|serializer| serializer.name() == name);
    found.ok_or_else(|| unknown("serializer", name, Serializer::ALL.iter().map(|known| known.name())))
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = &'static str>) -> String {
    let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
    format!("unknown {what} `{name}`, expected one of {}", known.join(", "))
}

impl<'de> Deserialize<'de> for ProcessorConfig {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let expected = "a preset's name, or a table such as { component = \"mine.wasm\" }";
        input.deserialize_any(TextOrTable::<Self, Table> { expected, types: PhantomData })
    }
}

impl<'de, N> Deserialize<'de> for HalfConfig<N>
where
    Self: FromStr<Err = String>,
{
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let expected = "the name of a half, or a table such as { component = \"mine.wasm\" }";
        input.deserialize_any(TextOrTable::<Self, HalfTable> { expected, types: PhantomData })
    }
}

impl<N> From<HalfTable> for HalfConfig<N> {
    fn from(table: HalfTable) -> Self {
        let keys = table.sandbox_keys();
        Self::Component(ComponentConfig::within(table.component, keys))
    }
}

/// Takes a text, or a table of another type.
struct TextOrTable<T, Table> {
    expected: &'static str,
    types: PhantomData<(T, Table)>,
}

impl<'de, T, Table> Visitor<'de> for TextOrTable<T, Table>
where
    T: FromStr<Err = String> + TryFrom<Table, Error: fmt::Display>,
    Table: Deserialize<'de>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        T::try_from(table).map_err(A::Error::custom)
    }
}

with_sandbox! {
    /// Every key of the table form of a processor.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Table {
        preset: Option<String>,
        aggregator: Option<HalfConfig<Aggregator>>,
        serializer: Option<HalfConfig<Serializer>>,
        component: Option<PathBuf>,
        hash_range: Option<HashRangeConfig>,
    }
}

with_sandbox! {
    /// Every key of the table form of a half.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct HalfTable {
        component: PathBuf,
    }
}

impl TryFrom<Table> for ProcessorConfig {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let keys = table.sandbox_keys();
        if table.component.is_none() && !keys.is_empty() {
            return Err(
                "config, memory, deadline and other limits belong to a component: put them beside its key"
                    .to_owned(),
            );
        }
        let kind = match (table.preset, table.aggregator, table.serializer, table.component) {
            (Some(name), None, None, None) => ProcessorKind::Native(preset(&name)?),
            (None, None, None, Some(component)) => {
                ProcessorKind::Whole(ComponentConfig::within(component, keys))
            }
            (None, Some(HalfConfig::Native(aggregator)), Some(HalfConfig::Native(serializer)), None) => {
                ProcessorKind::Native(Codec { aggregator, serializer })
            }
            (None, Some(aggregator), Some(serializer), None) => ProcessorKind::Halves(aggregator, serializer),
            _ => {
                return Err(
                    "not a processor: give a preset, or a component, or an aggregator and a serializer"
                        .to_owned(),
                );
            }
        };
        Ok(Self { kind, hash_range: table.hash_range })
    }
}
