//! Where Redis is and how to get in.

use std::{fmt, fs, io, path::PathBuf};

use redis::{
    ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates, parse_redis_url,
};
use thiserror::Error;

/// Where Redis is and how to get in. Printing it shows no password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS; some nodes of it, for a cluster.
    pub urls: Vec<String>,
    /// Whether it is a cluster, which it is too when there are several URLs.
    pub cluster: bool,
    /// The certificates of whoever signed the server's, as PEM, in place of the machine's own.
    pub ca: Option<PathBuf>,
    /// The password, in place of any in the URLs.
    pub password: Option<String>,
}

/// Redis cannot be used.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The settings name none.
    #[error("no Redis is named: set the URL, such as redis://127.0.0.1:6379")]
    NoUrl,
    /// A URL is none of Redis.
    #[error(
        "not a URL of Redis: write redis://[user:password@]host[:port][/database], or rediss:// for TLS: {reason}, got={url}"
    )]
    Url {
        /// The URL without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of certificates cannot be read.
    #[error("the certificates for Redis cannot be read: name a PEM file, path={}: {source}", .path.display())]
    Ca {
        /// Where the file was expected.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It does not answer, or does not let this process in.
    #[error(
        "Redis cannot be reached: see that it runs, and that URL, user, password and certificates are right, at={at}: {reason}"
    )]
    Unreachable {
        /// The URLs without passwords.
        at: String,
        /// What the client or the server says.
        reason: String,
    },
}

impl ConnectError {
    pub(super) fn unreachable(at: String, reason: &RedisError) -> Self {
        Self::Unreachable { at, reason: reason.to_string() }
    }
}

impl RedisSettings {
    /// Whether a cluster is meant.
    pub fn is_cluster(&self) -> bool {
        self.cluster || self.urls.len() > 1
    }

    /// Whether a URL has a password in it.
    pub fn has_password(&self) -> bool {
        self.urls.iter().filter_map(|url| parse_redis_url(url)).any(|url| url.password().is_some())
    }

    /// Looks whether the URLs can be meant; nothing is opened.
    ///
    /// # Errors
    /// [`ConnectError`] says what to do.
    pub fn validate(&self) -> Result<(), ConnectError> {
        self.nodes().map(drop)
    }

    /// Every URL, taken apart; at least one.
    pub(super) fn nodes(&self) -> Result<Vec<ConnectionInfo>, ConnectError> {
        if self.urls.is_empty() {
            return Err(ConnectError::NoUrl);
        }
        self.urls.iter().map(|url| self.node(url)).collect()
    }

    fn node(&self, url: &str) -> Result<ConnectionInfo, ConnectError> {
        let refuse = |reason: &str| ConnectError::Url { url: shown(url), reason: reason.to_owned() };
        let node = url.into_connection_info().map_err(|error| refuse(&error.to_string()))?;
        match node.addr() {
            ConnectionAddr::Unix(_) => return Err(refuse("a socket of this machine is not supported")),
            ConnectionAddr::TcpTls { insecure: true, .. } => {
                return Err(refuse("a server is not trusted without its certificate: set the CA instead"));
            }
            ConnectionAddr::Tcp(..) if self.ca.is_some() => {
                return Err(refuse("certificates are set, and only rediss:// uses them"));
            }
            _ => {}
        }
        let Some(password) = &self.password else { return Ok(node) };
        let redis = node.redis_settings().clone().set_password(password);
        Ok(node.set_redis_settings(redis))
    }

    /// The certificates that are to be trusted, if not the machine's own.
    pub(super) fn certificates(&self) -> Result<Option<TlsCertificates>, ConnectError> {
        let Some(path) = &self.ca else { return Ok(None) };
        let pem = fs::read(path).map_err(|source| ConnectError::Ca { path: path.clone(), source })?;
        Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem) }))
    }
}

impl fmt::Display for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.urls.iter().map(|url| shown(url)).collect();
        f.write_str(&urls.join(" "))
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("urls", &self.to_string())
            .field("cluster", &self.cluster)
            .field("ca", &self.ca)
            .field("password", &self.password.as_ref().map(|_| "hidden"))
            .finish()
    }
}

/// The URL without a password. What is no URL may hold one anywhere, so nothing of it is shown.
fn shown(url: &str) -> String {
    let Some(mut parsed) = parse_redis_url(url) else {
        return "(not shown: it may hold a password)".to_owned();
    };
    if parsed.password().is_some() && parsed.set_password(None).is_err() {
        return "(not shown: it holds a password)".to_owned();
    }
    parsed.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> RedisSettings {
        RedisSettings { urls: vec![url.to_owned()], ..RedisSettings::default() }
    }

    fn refusal(settings: &RedisSettings) -> String {
        settings.nodes().map(drop).unwrap_err().to_string()
    }

    #[test]
    fn no_password_is_ever_shown() {
        let with = settings("rediss://me:secret@redis.example:6380/2");
        let with = RedisSettings { password: Some("secret".into()), ..with };
        assert_eq!(with.to_string(), "rediss://me@redis.example:6380/2");
        assert!(!format!("{with:?}").contains("secret"), "{with:?}");
        let broken = settings("redis//me:secret@redis.example");
        assert!(!broken.to_string().contains("secret"));
        assert!(!refusal(&broken).contains("secret"), "{}", refusal(&broken));
    }

    #[test]
    fn the_password_of_its_own_goes_before_that_of_the_url() {
        let own = RedisSettings { password: Some("new".into()), ..settings("redis://me:old@host/3") };
        let node = own.nodes().unwrap().remove(0);
        let redis = node.redis_settings();
        assert_eq!((redis.username(), redis.password(), redis.db()), (Some("me"), Some("new"), 3));
    }

    #[test]
    fn several_urls_are_a_cluster() {
        assert!(!settings("redis://a").is_cluster());
        assert!(RedisSettings { cluster: true, ..settings("redis://a") }.is_cluster());
        assert!(
            RedisSettings { urls: vec!["redis://a".into(), "redis://b".into()], ..settings("") }.is_cluster()
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_to_do() {
        assert!(refusal(&RedisSettings::default()).starts_with("no Redis is named: set the URL"));
        assert!(refusal(&settings("http://host")).starts_with("not a URL of Redis: write redis://"));
        assert!(refusal(&settings("redis://host/many")).contains("Invalid database number"));
        assert!(refusal(&settings("unix:///run/redis.sock")).contains("a socket of this machine"));
        assert!(refusal(&settings("rediss://host/#insecure")).contains("set the CA instead"));
        let plain = RedisSettings { ca: Some("ca.pem".into()), ..settings("redis://host") };
        assert!(refusal(&plain).contains("only rediss:// uses them"));
        let missing = RedisSettings { ca: Some("no/such.pem".into()), ..settings("rediss://host") };
        let refusal = missing.certificates().map(drop).unwrap_err().to_string();
        assert!(refusal.contains("name a PEM file, path=no/such.pem: "), "{refusal}");
    }
}
