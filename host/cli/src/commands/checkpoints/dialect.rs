//! Other libraries' checkpoints: which library, and where it keeps them.

use std::path::PathBuf;

use clap::ValueEnum;
use tidemill_backends::{
    dialects::{
        Dialect, DialectError,
        async_kinesis::{InDynamoDb, InRedis, Writable},
        kcl, kinesis_python,
    },
    dynamodb::{self, AwsSettings},
    redis::{Redis, RedisSettings},
};

use super::opened::Opened;
use crate::{args::ConnectionFlags, exit::Exit, failure::Failure};

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// async-kinesis with its RedisCheckPointer
    AsyncKinesisRedis,
    /// async-kinesis with its DynamoDBCheckPointer
    AsyncKinesisDynamodb,
    /// The Kinesis Client Library, version 2 or 3
    Kcl,
    /// kinesis-python
    KinesisPython,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// async-kinesis with its RedisCheckPointer
    AsyncKinesisRedis,
    /// async-kinesis with its DynamoDBCheckPointer
    AsyncKinesisDynamodb,
}

/// Where another library keeps its checkpoints.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Other libraries")]
pub struct Where {
    /// The name that async-kinesis's checkpointer was made with
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The table in DynamoDB: for the KCL, its application's name; for async-kinesis, kinesis-checkpoints-NAME by itself
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// URL of Redis, such as redis://127.0.0.1:6379; several for a cluster
    #[arg(long, value_name = "URL", default_value = "redis://127.0.0.1:6379")]
    redis_url: Vec<String>,
    /// The Redis is a cluster
    #[arg(long)]
    redis_cluster: bool,
    /// PEM file of certificates to trust for rediss://
    #[arg(long, value_name = "FILE")]
    redis_ca: Option<PathBuf>,
    /// Password of Redis, in place of any in the URL
    #[arg(long, value_name = "PASSWORD", env = "REDIS_PASSWORD", hide_env_values = true)]
    redis_password: Option<String>,
    /// Endpoint of DynamoDB in place of AWS's own
    #[arg(long, value_name = "URL")]
    dynamodb_url: Option<String>,
}

impl Where {
    /// What is to be read.
    pub async fn source(
        self,
        from: From,
        opened: &Opened,
        flags: &ConnectionFlags,
    ) -> Result<Box<dyn Dialect>, Failure> {
        let stream = opened.stream.name().to_owned();
        Ok(match from {
            From::AsyncKinesisRedis => Box::new(self.in_redis(opened).await?),
            From::AsyncKinesisDynamodb => Box::new(self.in_dynamodb(opened, flags).await?),
            From::Kcl => {
                let table =
                    self.table.clone().ok_or_else(|| missing("--table, the KCL's application name"))?;
                let client = self.dynamodb(opened, flags).await?;
                Box::new(kcl::Table { client, table, stream, records: opened.records })
            }
            From::KinesisPython => {
                let table = self.table.clone().ok_or_else(|| missing("--table"))?;
                Box::new(kinesis_python::Table { client: self.dynamodb(opened, flags).await?, table, stream })
            }
        })
    }

    /// What is to be written.
    pub async fn target(self, to: To, opened: &Opened, flags: &ConnectionFlags) -> Result<Target, Failure> {
        Ok(match to {
            To::AsyncKinesisRedis => Target::Redis(self.in_redis(opened).await?),
            To::AsyncKinesisDynamodb => Target::DynamoDb(self.in_dynamodb(opened, flags).await?),
        })
    }

    async fn in_redis(self, opened: &Opened) -> Result<InRedis, Failure> {
        let name = self.name.ok_or_else(|| missing("--name, the checkpointer's"))?;
        let settings = RedisSettings {
            urls: self.redis_url,
            cluster: self.redis_cluster,
            ca: self.redis_ca,
            password: self.redis_password,
        };
        let shards = || -> Result<_, Failure> {
            let listed = opened.shards.as_ref().ok_or_else(|| {
                Failure::new(
                    Exit::Surroundings,
                    "a cluster of Redis cannot list its keys, and the stream cannot be asked for its shards",
                )
            })?;
            Ok(listed.iter().map(|shard| shard.id.clone()).collect())
        };
        let cluster_shards = if settings.is_cluster() { Some(shards()?) } else { None };
        let redis =
            Redis::connect(&settings).await.map_err(|error| Failure::caused(Exit::Surroundings, &error))?;
        Ok(InRedis { redis, name, cluster_shards })
    }

    async fn in_dynamodb(self, opened: &Opened, flags: &ConnectionFlags) -> Result<InDynamoDb, Failure> {
        let by_name = || self.name.as_deref().map(InDynamoDb::table_of);
        let table = self.table.clone().or_else(by_name);
        let table = table.ok_or_else(|| missing("--name, the checkpointer's, or --table"))?;
        Ok(InDynamoDb { client: self.dynamodb(opened, flags).await?, table })
    }

    async fn dynamodb(&self, opened: &Opened, flags: &ConnectionFlags) -> Result<dynamodb::Client, Failure> {
        let settings = AwsSettings {
            region: flags.region.clone().or_else(|| opened.kinesis.region.clone()),
            endpoint_url: self.dynamodb_url.clone(),
            profile: flags.profile.clone().or_else(|| opened.kinesis.profile.clone()),
        };
        dynamodb::connect(&settings).await.map_err(|error| Failure::caused(Exit::Surroundings, &error))
    }
}

/// async-kinesis's checkpoints, to be read and written.
#[derive(Debug)]
pub enum Target {
    Redis(InRedis),
    DynamoDb(InDynamoDb),
}

impl Target {
    /// To read them.
    pub fn dialect(&self) -> &dyn Dialect {
        match self {
            Self::Redis(redis) => redis,
            Self::DynamoDb(dynamodb) => dynamodb,
        }
    }

    /// To write them.
    pub fn writable(&self) -> &dyn Writable {
        match self {
            Self::Redis(redis) => redis,
            Self::DynamoDb(dynamodb) => dynamodb,
        }
    }
}

/// Another library's checkpoints cannot be read or written.
pub fn failed(error: &DialectError) -> Failure {
    Failure::caused(Exit::Surroundings, error)
}

fn missing(flag: &str) -> Failure {
    Failure::new(Exit::Usage, format!("a flag is missing: {flag}"))
        .help("docs/migration.md shows the whole command for each library")
}
