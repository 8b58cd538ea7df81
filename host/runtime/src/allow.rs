//! What a component may reach beside its batches: nothing but what stands here.

use std::{collections::BTreeMap, fmt, net::IpAddr, path::PathBuf, str::FromStr};

use thiserror::Error;

/// What an operator grants a component of the world around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Where it may send requests over HTTP, with TLS or without.
    pub http: Vec<Address>,
    /// Where it may open TCP connections to.
    pub connect: Vec<Address>,
    /// Folders of this machine that it sees.
    pub folders: Vec<Folder>,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
}

/// A folder of this machine that a component sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// What the component calls it.
    pub seen_as: String,
    /// Whether the component may change what is in it.
    pub write: bool,
}

/// A host and one port of it: `api.example.com:443`, `10.0.0.5:6379` or `[::1]:8080`. Upper and lower case are alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The address of this host, an IPv6 address with or without its brackets.
    pub fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let plain = bare.parse::<IpAddr>().map_or_else(|_| bare.to_ascii_lowercase(), |ip| ip.to_string());
        Self { host: plain, port }
    }

    /// The host's name, or its IP address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host's IP address, where it is given by that.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().ok().filter(|&port| port > 0).ok_or_else(invalid)?;
        let is_name = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_ip_v6 = in_brackets.is_some_and(|ip| matches!(ip.parse(), Ok(IpAddr::V6(_))));
        if is_name || is_ip_v6 { Ok(Self::new(host, port)) } else { Err(invalid()) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// The text is no address.
#[derive(Debug, Error)]
#[error("not an address: write a host and a port, such as api.example.com:443 or [::1]:8080, got={0:?}")]
pub struct InvalidAddress(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let shown = |text: &str| text.parse::<Address>().unwrap().to_string();
        assert_eq!(shown("API.Example.com:443"), "api.example.com:443");
        assert_eq!(shown("10.0.0.5:6379"), "10.0.0.5:6379");
        assert_eq!(shown("[0:0:0:0:0:0:0:1]:8080"), "[::1]:8080");
        assert_eq!(Address::new("[::1]", 80), "[::1]:80".parse().unwrap());
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_would_be() {
        for text in [
            "",
            "example.com",
            ":80",
            "example.com:0",
            "example.com:70000",
            "*:80",
            "::1:80",
            "a b:80",
            "http://a:80",
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.starts_with("not an address: write a host and a port"), "{text}: {error}");
        }
    }
}
