//! The token that whoever asks has to know.

use std::fmt;

use axum::http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq;

use crate::http::answer::Refusal;

/// A token. It is never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// This text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Lets through who knows it. How long that takes tells nothing of how much of it was right.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if bool::from(given.as_bytes().ct_eq(self.0.as_bytes())) {
            return Ok(());
        }
        let message = "this host asks for its token: send the header `authorization: Bearer TOKEN`";
        Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", message))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_whole_token_is_let_through() {
        let token = Token::new("s3cret".to_owned());
        let check = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(value.map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value))));
            token.check(&headers).is_ok()
        };
        assert!(check(Some("Bearer s3cret")));
        for wrong in
            [None, Some(""), Some("Bearer "), Some("Bearer s3cre"), Some("Bearer s3cret!"), Some("s3cret")]
        {
            assert!(!check(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "Token");
    }
}
