//! A command that failed: one message, what to do about it, and the exit code.

use std::{error::Error, io, process::ExitCode, sync::Arc};

use miette::{Diagnostic, GraphicalReportHandler, NamedSource, SourceSpan};
use tidemill_engine::{
    consumer::PipelineError,
    kinesis::{ErrorKind, KinesisError},
    stream::StreamRef,
};

use crate::exit::Exit;

/// Why a command ended early, for the person who gave it.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub struct Failure(Box<Detail>);

#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
struct Detail {
    exit: Exit,
    message: String,
    #[help]
    help: Option<String>,
    #[source_code]
    text: Option<NamedSource<Arc<str>>>,
    #[label("here")]
    place: Option<SourceSpan>,
}

impl Failure {
    /// A failure with its message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self(Box::new(Detail { exit, message: message.into(), help: None, text: None, place: None }))
    }

    /// A failure with the messages of an error and of all its causes.
    pub fn caused(exit: Exit, error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = error.source();
        }
        Self::new(exit, message)
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds the place in a file that the message is about.
    #[must_use]
    pub fn at(mut self, text: NamedSource<Arc<str>>, place: SourceSpan) -> Self {
        self.0.text = Some(text);
        self.0.place = Some(place);
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// What to do, where the failure says so.
    #[cfg(test)]
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Prints it on stderr, and answers the exit code. This is the only place that shows a failure.
    pub fn report(&self) -> ExitCode {
        eprintln!("{}", self.render(GraphicalReportHandler::new()));
        self.exit().into()
    }

    /// The text that people see; messages are not wrapped, so that scripts may look for them.
    pub fn render(&self, handler: GraphicalReportHandler) -> String {
        let mut text = String::new();
        let rendered = handler.with_wrap_lines(false).render_report(&mut text, self);
        rendered.map_or_else(|_| self.to_string(), |()| text.trim_end().to_owned())
    }

    /// A call about a stream failed.
    pub fn of_stream(stream: &StreamRef, error: &KinesisError) -> Self {
        let name = stream.name();
        let exit = Exit::Surroundings;
        match error.kind {
            ErrorKind::NotFound => Self::new(exit, format!("no such stream: stream={stream}")).help(format!(
                "create it with `tidemill streams create {name} --shards 1`, or look at the region and the endpoint"
            )),
            ErrorKind::Exists => Self::new(exit, format!("the stream exists already: stream={stream}"))
                .help(format!("look at it with `tidemill streams describe {name}`")),
            _ => Self::of_call(error),
        }
    }

    /// A call failed.
    pub fn of_call(error: &KinesisError) -> Self {
        let failure = Self::new(Exit::Surroundings, error.to_string());
        match error.kind {
            ErrorKind::Denied => failure.help(
                "name credentials that may do this: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or give --profile; \
                 `tidemill local` starts a Kinesis that needs none",
            ),
            ErrorKind::Unavailable => failure.help(
                "look at the network, the region and the endpoint (--endpoint-url, kinesis.endpoint in the file)",
            ),
            _ => failure,
        }
    }

    /// A pipeline ended.
    pub fn of_pipeline(name: &str, error: &PipelineError) -> Self {
        match error {
            PipelineError::Stream { stream, error } => Self::of_stream(stream, error),
            PipelineError::Settings(_) => Self::new(Exit::Settings, format!("pipeline={name}: {error}")),
            PipelineError::Leases { .. } => {
                Self::new(Exit::Surroundings, format!("pipeline={name}: {error}"))
            }
        }
    }

    /// Results cannot be written.
    pub fn of_output(error: &io::Error) -> Self {
        Self::new(Exit::Surroundings, format!("cannot write the results: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use miette::GraphicalTheme;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open: {source}")]
    struct Outer {
        source: Inner,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no permission")]
    struct Inner(#[source] io::Error);

    #[test]
    fn causes_are_told_once_each() {
        let error = Outer { source: Inner(io::Error::other("read-only disk")) };
        let failure = Failure::caused(Exit::Surroundings, &error);
        assert_eq!(failure.to_string(), "cannot open: no permission: read-only disk");
    }

    #[test]
    fn a_failure_is_one_message_and_what_to_do() {
        let stream = "orders".parse().unwrap();
        let code = "AccessDeniedException";
        let error = KinesisError::from_code("DescribeStreamSummary", code, "not yours");
        let failure = Failure::of_stream(&stream, &error);
        let shown = failure.render(GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()));
        let mut lines = shown.lines();
        let first = "  × DescribeStreamSummary failed: access denied: AccessDeniedException: not yours";
        assert_eq!(lines.next(), Some(first));
        assert!(
            lines.next().unwrap().starts_with("  help: name credentials that may do this: set AWS_PROFILE")
        );
        assert_eq!((lines.next(), failure.exit()), (None, Exit::Surroundings));
    }
}
