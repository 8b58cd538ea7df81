//! Where the letters are that a command is about.

use std::{path::PathBuf, sync::Arc};

use tidemill_backends::{
    dead_letters::{FileBox, LetterBox, RedisBox},
    kinesis::AwsSettings,
    redis::Redis,
};
use tidemill_engine::{dead_letter::DeadLetter, kinesis::Kinesis, stream::StreamRef};

use crate::{
    args::ConnectionFlags,
    config::{Config, DeadLettersConfig, Name, PipelineConfig, RedisConfig, RedisListConfig},
    endpoint,
    exit::Exit,
    failure::Failure,
    host::dead_letters,
};

/// Whose letters, or where they are.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The settings file, which says where the letters are and how their records are read
    #[arg(long, value_name = "FILE", default_value = "tidemill.toml", conflicts_with_all = ["stream", "file", "redis"])]
    settings: PathBuf,
    /// The pipeline, where the settings have several that keep letters
    #[arg(long, value_name = "NAME", conflicts_with_all = ["stream", "file", "redis"])]
    pipeline: Option<Name>,
    /// Letters on this stream, without any settings
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "redis"])]
    stream: Option<StreamRef>,
    /// Letters in this file, without any settings
    #[arg(long, value_name = "PATH", conflicts_with = "redis")]
    file: Option<PathBuf>,
    /// Letters in the list of Redis under this key, without any settings
    #[arg(long, value_name = "KEY", requires = "redis_url")]
    redis: Option<String>,
    /// Where that Redis is; several are nodes of a cluster
    #[arg(long, value_name = "URL", requires = "redis")]
    redis_url: Vec<String>,
}

/// Letters in their place.
#[derive(Debug)]
pub struct Opened {
    /// Where they are.
    pub place: Place,
    /// The pipeline whose letters they are, where settings say so.
    pub pipeline: Option<OfPipeline>,
    /// How streams are reached; none where they are in a host that is running.
    connection: Option<AwsSettings>,
}

/// Where letters are.
#[derive(Debug)]
pub enum Place {
    /// On a stream.
    Stream(StreamRef),
    /// In a file.
    File(PathBuf),
    /// In a list of Redis.
    Redis(Redis, String),
}

/// A pipeline of a settings file.
#[derive(Debug)]
pub struct OfPipeline {
    /// Its name.
    pub name: Name,
    /// What the settings say of it.
    pub config: PipelineConfig,
    /// The whole file.
    pub file: Config,
}

impl Which {
    /// Finds the letters. Nothing is asked of a stream yet.
    pub async fn open(self, flags: &ConnectionFlags) -> Result<Opened, Failure> {
        let Self { settings, pipeline, stream, file, redis, redis_url } = self;
        let place = match (stream, file, redis) {
            (Some(stream), ..) => Place::Stream(stream),
            (_, Some(path), _) => Place::File(path),
            (.., Some(key)) => {
                let server = RedisConfig { urls: redis_url, ..RedisConfig::default() };
                place_of(&DeadLettersConfig::Redis(RedisListConfig { key, server: Some(server) }), None)
                    .await?
            }
            (None, None, None) => return of_settings(Config::load(&settings)?, pipeline, flags).await,
        };
        Ok(Opened { place, pipeline: None, connection: Some(flags.clone().settings()) })
    }
}

async fn of_settings(file: Config, name: Option<Name>, flags: &ConnectionFlags) -> Result<Opened, Failure> {
    let keeping = file.pipelines.iter().filter(|(_, pipeline)| pipeline.dead_letters.is_some());
    let mut keeping: Vec<&Name> = keeping.map(|(name, _)| name).collect();
    if let Some(name) = &name {
        keeping.retain(|kept| *kept == name);
    }
    let name = match *keeping {
        [one] => one.clone(),
        [] => {
            let failure = Failure::new(Exit::Settings, "no such pipeline of the settings keeps dead letters");
            return Err(failure.help(
                "set `dead-letters` in [pipelines.NAME], or say where they are: --stream, --file or --redis",
            ));
        }
        _ => {
            let names: Vec<&str> = keeping.iter().map(|name| name.as_str()).collect();
            let failure = Failure::new(Exit::Usage, "several pipelines of the settings keep dead letters");
            return Err(failure.help(format!("say which: --pipeline {}", names.join(", or --pipeline "))));
        }
    };
    let config = file.pipelines[&name].clone();
    let letters = config.dead_letters.as_ref().expect("only those that keep letters are left");
    let place = place_of(letters, file.leases.redis.as_ref()).await?;
    let connection = flags.clone().over(&file.kinesis);
    Ok(Opened { place, pipeline: Some(OfPipeline { name, config, file }), connection })
}

async fn place_of(config: &DeadLettersConfig, leases: Option<&RedisConfig>) -> Result<Place, Failure> {
    Ok(match config {
        DeadLettersConfig::Stream(sink) => Place::Stream(sink.stream.clone()),
        DeadLettersConfig::File(path) => Place::File(path.clone()),
        DeadLettersConfig::Redis(list) => {
            Place::Redis(dead_letters::connect(list, leases).await?, list.key.clone())
        }
    })
}

impl Opened {
    /// Whether a letter is of the pipeline that is meant: several may share a place.
    pub fn is_meant(&self, letter: &DeadLetter) -> bool {
        // A pipeline of several streams names the stream behind its own name.
        let name = letter.pipeline.split('/').next();
        self.pipeline.as_ref().is_none_or(|pipeline| name == Some(pipeline.name.as_str()))
    }

    /// How streams are reached.
    pub fn connection(&self) -> Result<&AwsSettings, Failure> {
        self.connection.as_ref().ok_or_else(|| {
            let message = "the embedded Kinesis runs with the host only";
            Failure::new(Exit::Usage, message).help("give the URL that the host prints: --endpoint-url URL")
        })
    }

    /// The streams.
    pub async fn kinesis(&self) -> Result<Arc<dyn Kinesis>, Failure> {
        endpoint::open(self.connection()?).await
    }
}

impl Place {
    /// The letters as a box, to look at them; none on a stream.
    pub fn look(&self) -> Option<Box<dyn LetterBox>> {
        match self {
            Self::Stream(_) => None,
            Self::File(path) => Some(Box::new(FileBox::look(path))),
            Self::Redis(redis, key) => Some(Box::new(RedisBox::new(redis.clone(), key))),
        }
    }

    /// The letters as a box, to take some out; none on a stream.
    pub fn redrive(&self) -> Result<Option<Box<dyn LetterBox>>, Failure> {
        match self {
            Self::File(path) => {
                let opened =
                    FileBox::redrive(path).map_err(|error| Failure::caused(Exit::Surroundings, &error))?;
                Ok(Some(Box::new(opened)))
            }
            Self::Stream(_) | Self::Redis(..) => Ok(self.look()),
        }
    }
}
