//! Lease stores: each pipeline of the application has leases of its own.

use std::{env, fmt, path::Path, sync::Arc};

use tidemill_backends::{
    deployments::redis::RedisDeployments,
    dynamodb::{self, AwsSettings},
    leases::{
        dynamodb::DynamoDbLeases,
        file::FileLeases,
        redis::{RedisLeases, eviction},
    },
    redis::Redis,
};
use tidemill_engine::{
    deploy::{Deployments, MemoryDeployments},
    lease::{LeaseStore, memory::MemoryLeases},
};

use crate::{
    args::ConnectionFlags,
    config::{Config, DynamoDbConfig, Name, RedisConfig, StoreKind},
    exit::Exit,
    failure::Failure,
};

/// Open lease stores.
#[derive(Debug)]
pub struct Stores {
    application: Name,
    kept: Kept,
    shown: String,
}

#[derive(Debug)]
enum Kept {
    Memory,
    File(FileLeases),
    Redis { redis: Redis, prefix: String },
    DynamoDb(DynamoDbLeases),
}

impl Stores {
    /// Opens what the settings name, and makes sure that it answers.
    pub async fn open(config: &Config, flags: &ConnectionFlags) -> Result<Self, Failure> {
        let application = config.application.clone();
        let kept = match config.lease_store() {
            // Leases belong to whoever reads.
            _ if config.pipelines.is_empty() => Kept::Memory,
            StoreKind::Memory => Kept::Memory,
            StoreKind::File => open_file(&config.leases.path.clone().unwrap_or_default(), &application)?,
            StoreKind::Redis => open_redis(&config.leases.redis.clone().unwrap_or_default()).await?,
            StoreKind::DynamoDb => {
                let own = config.leases.dynamodb.clone().unwrap_or_default();
                let settings = aws_settings(&own, config, flags);
                open_dynamodb(&own, &settings, &application).await?
            }
        };
        let stores = Self { application, kept, shown: config.leases.shown(config.lease_store()) };
        for name in config.pipelines.keys() {
            // What is wrong with a server, or with rights there, is told before any work.
            stores.of_pipeline(name).list().await.map_err(|error| unusable(&error))?;
        }
        Ok(stores)
    }

    /// The leases of one pipeline.
    pub fn of_pipeline(&self, name: &Name) -> Arc<dyn LeaseStore> {
        self.of(&format!("{}/{name}", self.application))
    }

    /// How far one pipeline's dead letters on a stream are redriven. They stand apart from the pipeline's own leases.
    pub fn of_redrive(&self, name: &Name) -> Arc<dyn LeaseStore> {
        self.of(&format!("{}/{name}/redrive", self.application))
    }

    fn of(&self, application: &str) -> Arc<dyn LeaseStore> {
        match &self.kept {
            Kept::Memory => Arc::new(MemoryLeases::new()),
            Kept::File(leases) => Arc::new(leases.of_application(application)),
            Kept::Redis { redis, prefix } => Arc::new(RedisLeases::new(redis.clone(), prefix, application)),
            Kept::DynamoDb(leases) => Arc::new(leases.of_application(application)),
        }
    }
}

impl Stores {
    /// What the application is to run.
    pub fn deployments(&self) -> Arc<dyn Deployments> {
        let application = self.application.as_str();
        match &self.kept {
            Kept::Memory => Arc::new(MemoryDeployments::default()),
            Kept::File(leases) => Arc::new(leases.deployments(application)),
            Kept::Redis { redis, prefix } => {
                Arc::new(RedisDeployments::new(redis.clone(), prefix, application))
            }
            Kept::DynamoDb(leases) => Arc::new(leases.deployments(application)),
        }
    }
}

impl fmt::Display for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leases {}", self.shown)
    }
}

fn open_file(path: &Path, application: &Name) -> Result<Kept, Failure> {
    FileLeases::open(path, application.as_str()).map(Kept::File).map_err(|error| unusable(&error))
}

/// Connects to a Redis.
pub async fn connect(config: &RedisConfig) -> Result<Redis, Failure> {
    let password = config.password_env.as_deref().map(password).transpose()?;
    Redis::connect(&config.settings(password)).await.map_err(|error| unusable(&error))
}

async fn open_redis(config: &RedisConfig) -> Result<Kept, Failure> {
    let redis = connect(config).await?;
    if let Some(policy) = eviction(&redis).await {
        tracing::warn!(
            redis = redis.at(),
            %policy,
            "this Redis throws keys away when its memory is full, and leases with them: set maxmemory-policy noeviction"
        );
    }
    Ok(Kept::Redis { redis, prefix: config.prefix.clone() })
}

fn password(variable: &str) -> Result<String, Failure> {
    env::var(variable).map_err(|_| {
        Failure::new(Exit::Surroundings, format!("the password for Redis is not there: variable={variable}"))
            .help("set the environment variable that `password-env` names")
    })
}

async fn open_dynamodb(
    config: &DynamoDbConfig,
    settings: &AwsSettings,
    application: &Name,
) -> Result<Kept, Failure> {
    let client = dynamodb::connect(settings).await.map_err(|error| unusable(&error))?;
    let opened = DynamoDbLeases::open(client, &config.table, application.as_str(), config.create_table).await;
    opened.map(Kept::DynamoDb).map_err(|error| unusable(&error))
}

/// As the streams are reached, where the table's own settings say nothing else; but for the endpoint, which is of
/// another service.
fn aws_settings(own: &DynamoDbConfig, config: &Config, flags: &ConnectionFlags) -> AwsSettings {
    let first = |own: &Option<String>, flag: &Option<String>, streams: &Option<String>| {
        [own, flag, streams].into_iter().find_map(Option::clone)
    };
    AwsSettings {
        region: first(&own.region, &flags.region, &config.kinesis.region),
        endpoint_url: own.endpoint_url.clone(),
        profile: first(&own.profile, &flags.profile, &config.kinesis.profile),
    }
}

fn unusable(error: &dyn std::error::Error) -> Failure {
    Failure::caused(Exit::Surroundings, error)
}
