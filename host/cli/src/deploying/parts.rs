//! Parts: the places of a settings file's pipelines that components can be deployed to.

use std::path::{Path, PathBuf};

use tidemill_engine::deploy::Part;
use tidemill_runtime::Role;

use crate::{
    config::{Config, PipelineConfig, ProcessorConfig, ProcessorKind},
    host::processor,
};

/// The part that a pipeline's handler is.
pub const HANDLER: &str = "handler";
/// What the parts of a source's processor begin with.
pub const SOURCE: &str = "source";

/// A part with the file that the settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredPart {
    /// The part.
    pub part: Part,
    /// The component's file.
    pub file: PathBuf,
}

/// All parts of the settings.
pub fn of_config(config: &Config) -> Vec<ConfiguredPart> {
    config.pipelines.iter().flat_map(|(name, pipeline)| of_pipeline(name.as_str(), pipeline)).collect()
}

/// The parts of one pipeline: its handler, and the components of its processors.
pub fn of_pipeline(pipeline: &str, config: &PipelineConfig) -> Vec<ConfiguredPart> {
    let part = |role: String, file: &Path| ConfiguredPart {
        part: Part { pipeline: pipeline.to_owned(), role },
        file: file.to_owned(),
    };
    let mut parts = vec![part(HANDLER.to_owned(), &config.handler.component)];
    let sinks = config.named_sinks().map(|(name, sink)| (of_sink(name), &sink.producer.processor));
    for (place, processor) in [(SOURCE.to_owned(), &config.source.processor)].into_iter().chain(sinks) {
        let components = processor::parts(processor).into_iter();
        parts.extend(components.map(|(file, kind)| part(role_of(&place, processor, kind), file)));
    }
    parts
}

/// What the parts of a sink's processor begin with.
pub fn of_sink(name: &str) -> String {
    format!("sink.{name}")
}

/// The one part that is meant by what was said of it, or what else would have to be said.
pub fn choose<'a>(
    known: impl IntoIterator<Item = &'a Part>,
    pipeline: Option<&str>,
    role: Option<&str>,
) -> Result<Part, String> {
    let known: Vec<&Part> = known.into_iter().collect();
    let is_meant = |part: &&&Part| {
        pipeline.is_none_or(|wanted| wanted == part.pipeline) && role.is_none_or(|wanted| wanted == part.role)
    };
    let meant: Vec<&&Part> = known.iter().filter(is_meant).collect();
    let listed = |parts: &[&&Part]| {
        let texts: Vec<String> =
            parts.iter().map(|part| format!("--pipeline {} --part {}", part.pipeline, part.role)).collect();
        texts.join(", or ")
    };
    match &meant[..] {
        [one] => Ok((**one).clone()),
        [] if known.is_empty() => Err("there is no component to deploy to".to_owned()),
        [] => Err(format!("there is no such part: say {}", listed(&known.iter().collect::<Vec<_>>()))),
        several => Err(format!("several parts could be meant: say {}", listed(several))),
    }
}

/// What a component has to be to work there.
pub fn kind_of(part: &Part) -> Role {
    let mut words = part.role.split('.');
    let half = match words.next() {
        Some(HANDLER) => return Role::Handler,
        // The name of the sink may be any.
        Some("sink") => words.nth(1),
        _ => words.next(),
    };
    match half {
        Some("aggregator") => Role::Aggregator,
        Some("serializer") => Role::Serializer,
        _ => Role::Processor,
    }
}

/// What a component of a processor is called: by its place alone where it is the whole of it.
pub fn role_of(place: &str, processor: &ProcessorConfig, kind: Role) -> String {
    match (&processor.kind, kind) {
        (ProcessorKind::Halves(..), Role::Aggregator) => format!("{place}.aggregator"),
        (ProcessorKind::Halves(..), Role::Serializer) => format!("{place}.serializer"),
        _ => place.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> Part {
        text.parse().unwrap()
    }

    #[test]
    fn a_part_is_named_only_as_far_as_it_has_to_be() {
        let one = [part("orders/handler")];
        assert_eq!(choose(&one, None, None), Ok(one[0].clone()));
        let two = [part("orders/handler"), part("orders/sink.default"), part("paid/handler")];
        assert_eq!(choose(&two, Some("paid"), None), Ok(two[2].clone()));
        assert_eq!(choose(&two, None, Some("sink.default")), Ok(two[1].clone()));
        assert_eq!(
            choose(&two, None, Some("handler")).unwrap_err(),
            "several parts could be meant: say --pipeline orders --part handler, or --pipeline paid --part handler"
        );
        let unknown = choose(&two, Some("order"), None).unwrap_err();
        assert!(unknown.starts_with("there is no such part: say --pipeline orders"), "{unknown}");
        assert_eq!(choose(&[], None, None).unwrap_err(), "there is no component to deploy to");
    }

    #[test]
    fn a_part_says_what_its_component_has_to_be() {
        let cases = [
            ("handler", Role::Handler),
            ("source", Role::Processor),
            ("source.serializer", Role::Serializer),
            ("sink.aggregator", Role::Processor),
            ("sink.handler.aggregator", Role::Aggregator),
        ];
        for (role, expected) in cases {
            assert_eq!(kind_of(&part(&format!("orders/{role}"))), expected, "{role}");
        }
    }

    #[test]
    fn every_component_of_the_settings_is_a_part() {
        let text = "source = { stream = 'a', processor = { component = 'both.wasm' } }\n\
                    handler = { component = 'h.wasm' }\n\
                    sink = { stream = 'b', processor = { aggregator = { component = 'a.wasm' }, serializer = 'json' } }\n\
                    [sinks.late]\nstream = 'c'\n";
        let config: PipelineConfig = toml::from_str(text).unwrap();
        let parts = of_pipeline("orders", &config);
        let shown: Vec<String> =
            parts.iter().map(|one| format!("{} {}", one.part, one.file.display())).collect();
        let expected =
            ["orders/handler h.wasm", "orders/source both.wasm", "orders/sink.default.aggregator a.wasm"];
        assert_eq!(shown, expected);
    }
}
