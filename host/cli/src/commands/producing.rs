//! Flags of the commands that put: what `sink` in a settings file says, as far as it is of use on a command line.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use clap::builder::{RangedU64ValueParser, TypedValueParser};
use tidemill_engine::limits;

use crate::config::{CreateConfig, OrderingConfig, ProducerConfig};

/// How documents get onto a stream.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Producer")]
#[group(requires = "stream")]
pub struct ProducerFlags {
    /// How long a document may wait for company, such as 500ms
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    linger: Option<Duration>,
    /// Entries in one PutRecords request
    #[arg(long, value_name = "COUNT", value_parser = batch_size())]
    batch_size: Option<NonZeroUsize>,
    /// How long a document is worth sending, such as 30s; later it fails, or waits in the spool if there is one
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    record_ttl: Option<Duration>,
    /// What is promised about the order of documents with one partition key
    #[arg(long, value_enum)]
    ordering: Option<OrderingConfig>,
    /// Create the stream with so many shards if it is missing
    #[arg(long, value_name = "SHARDS")]
    create_shards: Option<NonZeroU32>,
    /// Do not ask the stream for its largest record: for callers that may not
    #[arg(long)]
    skip_describe_stream: bool,
}

impl ProducerFlags {
    /// The settings with what the flags say.
    pub fn over(&self, config: ProducerConfig) -> ProducerConfig {
        let config = config.with(|settings| {
            settings.linger = self.linger.unwrap_or(settings.linger);
            settings.request_entries = self.batch_size.map_or(settings.request_entries, NonZeroUsize::get);
            settings.record_ttl = self.record_ttl.or(settings.record_ttl);
            settings.ordering = self.ordering.map_or(settings.ordering, Into::into);
            settings.skip_describe |= self.skip_describe_stream;
        });
        match self.create_shards {
            Some(shards) => config.creating(CreateConfig { shards }),
            None => config,
        }
    }
}

fn batch_size() -> impl TypedValueParser<Value = NonZeroUsize> {
    let range = RangedU64ValueParser::<usize>::new().range(1..=limits::PUT_RECORDS_ENTRIES as u64);
    range.map(|count| NonZeroUsize::new(count).expect("the range begins with 1"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tidemill_engine::{kinesis::StreamMode, producer::Ordering};

    use super::*;
    use crate::args::{Cli, Command};

    fn flags(more: &[&str]) -> Result<ProducerFlags, clap::Error> {
        let cli = Cli::try_parse_from([&["tidemill", "put", "orders"], more].concat())?;
        let Command::Put(put) = cli.command else { panic!("it is put") };
        Ok(put.producer)
    }

    #[test]
    fn flags_go_before_the_defaults_and_leave_the_others() {
        let flags = flags(&[
            "--linger=20ms",
            "--batch-size=7",
            "--record-ttl=30s",
            "--ordering=relaxed",
            "--create-shards=4",
            "--skip-describe-stream",
        ]);
        let default = ProducerConfig::default();
        let settings = flags.unwrap().over(default.clone()).settings(None, 0);
        assert_eq!((settings.linger, settings.request_entries), (Duration::from_millis(20), 7));
        assert_eq!(settings.record_ttl, Some(Duration::from_secs(30)));
        assert_eq!((settings.ordering, settings.skip_describe), (Ordering::Relaxed, true));
        assert_eq!(settings.create, Some(StreamMode::Provisioned { shards: 4 }));
        assert_eq!(settings.attempts, default.settings(None, 0).attempts);
    }

    #[test]
    fn what_no_request_takes_is_refused() {
        for flag in ["--batch-size=501", "--batch-size=0", "--create-shards=0", "--linger=5"] {
            assert!(flags(&[flag]).is_err(), "{flag} was taken");
        }
    }

    #[test]
    fn flags_of_serve_put_need_a_stream() {
        for flag in ["--linger=5s", "--listen=127.0.0.1:0", "--processor=json", "--spool=s", "--allow-remote"]
        {
            assert!(Cli::try_parse_from(["tidemill", "serve-put", flag]).is_err(), "{flag} was taken");
        }
        let both = Cli::try_parse_from(["tidemill", "serve-put", "file.toml", "--stream=orders"]);
        assert!(both.is_err(), "a file and a stream were taken");
    }
}
