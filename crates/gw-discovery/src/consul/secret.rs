//! The ACL token: where it comes from, and that it is never printed.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::ConsulError;

/// A text that is never printed: its `Debug` says only that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// A token: visible ASCII, as it is sent in a header field. `None` for any other text, and for an empty one.
    pub fn new(token: &str) -> Option<Self> {
        let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(token.into()))
    }

    /// The text itself, for the header field.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without this secret in it: what a server answers could repeat it.
    pub(super) fn blot(&self, text: &str) -> String {
        text.replace(&*self.0, "<token>")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Where the token comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenSource {
    /// No token is sent: Consul takes the request for anonymous, or as its agent is configured.
    #[default]
    None,
    /// This one, for ever.
    Fixed(Secret),
    /// What stands in this file, without surrounding white space. It is read before each request, so a new token is
    /// used within one blocking query.
    File(PathBuf),
}

/// Hands out the token of the moment.
#[derive(Debug)]
pub(super) struct Tokens {
    source: TokenSource,
    /// The last one read from the file.
    last: Mutex<Option<Secret>>,
}

impl Tokens {
    pub(super) const fn new(source: TokenSource) -> Self {
        Self { source, last: Mutex::new(None) }
    }

    /// The token to send. The file is read here, on the thread that asks, as it is small and local. While it cannot
    /// be read, the last one read stays in use, so that whoever replaces the file may do it in steps.
    pub(super) fn current(&self) -> Result<Option<Secret>, ConsulError> {
        let path = match &self.source {
            TokenSource::None => return Ok(None),
            TokenSource::Fixed(token) => return Ok(Some(token.clone())),
            TokenSource::File(path) => path,
        };
        let read = std::fs::read_to_string(path).and_then(|text| {
            let odd = || std::io::Error::new(std::io::ErrorKind::InvalidData, "it holds no token");
            Secret::new(text.trim()).ok_or_else(odd)
        });
        let mut last = self.last.lock();
        match read {
            Ok(token) => {
                if last.as_ref().is_some_and(|last| *last != token) {
                    tracing::info!(path = %path.display(), "the Consul token has changed");
                }
                *last = Some(token);
            }
            Err(source) if last.is_none() => return Err(ConsulError::File { path: path.clone(), source }),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the Consul token cannot be read: the last one stays in use");
            }
        }
        Ok(last.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("b1gs-ecret").unwrap();
        assert_eq!(format!("{secret:?}"), "<secret>");
        assert_eq!(secret.blot("token b1gs-ecret lacks permission"), "token <token> lacks permission");
        assert_eq!(format!("{:?}", TokenSource::Fixed(secret)), "Fixed(<secret>)");
    }

    #[test]
    fn what_no_header_field_can_carry_is_no_token() {
        for odd in ["", "two words", "line\n", "umläut"] {
            assert_eq!(Secret::new(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn the_file_is_read_again_and_its_absence_survived() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let tokens = Tokens::new(TokenSource::File(path.clone()));
        let Err(error) = tokens.current() else { panic!("there is no file yet") };
        assert!(error.to_string().contains("token"), "{error}");
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(tokens.current().unwrap(), Secret::new("one"));
        std::fs::write(&path, "two").unwrap();
        assert_eq!(tokens.current().unwrap(), Secret::new("two"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(tokens.current().unwrap(), Secret::new("two"));
        std::fs::write(&path, " ").unwrap();
        assert_eq!(tokens.current().unwrap(), Secret::new("two"));
    }
}
