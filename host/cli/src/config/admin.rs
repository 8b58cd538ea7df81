//! `[admin]`: where a host shows how it is and takes components.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
};

use serde::Deserialize;
use tidemill_engine::limits;

use crate::{exit::Exit, failure::Failure};

/// `[admin]`: where it listens, and what who asks has to know.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "the table [admin]", default)]
pub struct AdminConfig {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// The environment variable that holds the token; without one everybody on this machine may ask.
    pub token_env: Option<String>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, limits::ADMIN_PORT).into(), token_env: None }
    }
}

impl AdminConfig {
    /// What no single setting can know.
    pub fn validate(&self) -> Result<(), Failure> {
        if !self.listen.ip().is_loopback() && self.token_env.is_none() {
            let listen = self.listen;
            let message =
                format!("other machines could deploy without being asked who they are: listen={listen}");
            return Err(Failure::new(Exit::Settings, message)
                .help("listen on 127.0.0.1, or name the variable that holds a token with admin.token-env"));
        }
        Ok(())
    }

    /// The token that the environment holds, where one is asked for.
    pub fn token(&self) -> Result<Option<String>, Failure> {
        self.token_env.as_deref().map(|variable| token(variable, "admin.token-env")).transpose()
    }
}

/// The token in a variable that a setting or flag names.
pub fn token(variable: &str, named_by: &str) -> Result<String, Failure> {
    let found = env::var(variable).ok().filter(|token| !token.is_empty());
    found.ok_or_else(|| {
        Failure::new(
            Exit::Surroundings,
            format!("the token of the admin API is not there: variable={variable}"),
        )
        .help(format!("set the environment variable that {named_by} names"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> AdminConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_admin_api_is_for_this_machine_unless_it_asks_for_a_token() {
        assert_eq!(config("").listen.to_string(), "127.0.0.1:4569");
        assert!(config("").validate().is_ok());
        assert!(config("listen = '[::1]:0'").validate().is_ok());
        let failure = config("listen = '0.0.0.0:4569'").validate().unwrap_err();
        assert!(failure.to_string().starts_with("other machines could deploy"), "{failure}");
        assert!(config("listen = '0.0.0.0:4569'\ntoken-env = 'T'").validate().is_ok());
    }

    #[test]
    fn a_token_that_is_not_there_is_told_by_its_variable() {
        let failure = config("token-env = 'TIDEMILL_NO_SUCH_TOKEN'").token().unwrap_err();
        assert_eq!(failure.exit(), Exit::Surroundings);
        assert!(failure.to_string().ends_with("variable=TIDEMILL_NO_SUCH_TOKEN"), "{failure}");
    }
}
