//! Asking a control service: its URLs, one of which is asked, and its two pages.

use std::time::Duration;

use gw_tls::Profile;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::{ControlError, ControlSetupError};

/// The page with the configuration.
pub(super) const RELEASE: &str = "/v1/control/gateway/release";
/// The page with the feature gates.
pub(super) const FEATURES: &str = "/v1/control/gateway/features";

/// For a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// For a whole answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes: 64 MiB.
const MAX_ANSWER: usize = 64 << 20;

/// The URLs of the service, and the client that asks them.
#[derive(Debug)]
pub(super) struct Services {
    client: Client,
    urls: Vec<Url>,
    index: usize,
}

/// What a page said.
pub(super) enum Answer<T> {
    /// 200.
    New(T),
    /// 304.
    Same,
    /// 404.
    None,
}

impl Services {
    /// The services of a list of URLs, separated by commas. The first to be asked is one at random.
    ///
    /// # Errors
    /// When one is no URL, there is none, or TLS is needed and cannot be had.
    pub(super) fn new(list: &str, random: u64) -> Result<Self, ControlSetupError> {
        let urls = list.split(',').map(str::trim).filter(|url| !url.is_empty());
        let urls = urls.map(parse).collect::<Result<Vec<_>, _>>()?;
        if urls.is_empty() {
            return Err(ControlSetupError::NoService);
        }
        let tls = urls.iter().any(|url| url.scheme() == "https").then(Profile::default);
        let client = Client::builder()
            .tls_backend_preconfigured(gw_tls::own_client(tls.as_ref())?)
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("gateway/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let index = usize::try_from(random).unwrap_or_default() % urls.len();
        Ok(Self { client, urls, index })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.urls.len()
    }

    /// Which one is asked.
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    /// Each as it may be shown.
    pub(super) fn labels(&self) -> Vec<String> {
        self.urls.iter().map(label).collect()
    }

    /// The one that is asked, as it may be shown.
    pub(super) fn label(&self) -> String {
        self.urls.get(self.index).map_or_else(String::new, label)
    }

    /// Asks the next one from now on.
    pub(super) fn rotate(&mut self) {
        self.index = (self.index + 1) % self.urls.len();
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// When there is no whole answer in time, or it is not one of the three, or no JSON of this form.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        page: &str,
        query: &[(&str, String)],
    ) -> Result<Answer<T>, ControlError> {
        let unreachable = |error: reqwest::Error| ControlError::Unreachable {
            service: self.label(),
            reason: causes(&error),
        };
        let answer = self.client.get(self.url(page, query)).send().await.map_err(unreachable)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Ok(Answer::Same),
            StatusCode::NOT_FOUND => return Ok(Answer::None),
            status => return Err(ControlError::Status { service: self.label(), status: status.as_u16() }),
        }
        let body = body(answer, MAX_ANSWER).await.map_err(|error| match error {
            Some(error) => unreachable(error),
            None => {
                ControlError::Unreachable { service: self.label(), reason: "the answer is too large".into() }
            }
        })?;
        let value = serde_json::from_slice(&body);
        value.map(Answer::New).map_err(|source| ControlError::Answer { service: self.label(), source })
    }

    /// A page below the base URL, whose own path stays.
    fn url(&self, page: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.urls[self.index].clone();
        let path = format!("{}{page}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.query_pairs_mut().extend_pairs(query);
        url
    }
}

fn parse(text: &str) -> Result<Url, ControlSetupError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| ControlSetupError::Url(text.split('@').next_back().unwrap_or_default().to_owned()))
}

/// A URL without user, password and query.
fn label(url: &Url) -> String {
    let mut url = url.clone();
    // Neither fails for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

/// An error's causes: its own text has the URL, which may hold a secret.
fn causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A whole body; `None` as the error if it has more than `most` bytes.
async fn body(mut answer: Response, most: usize) -> Result<Vec<u8>, Option<reqwest::Error>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(Some)? {
        if body.len() + chunk.len() > most {
            return Err(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_urls() {
        let services = Services::new(" http://a:1/, https://u:secret@b/base/?token=x ", 1).unwrap();
        assert_eq!(
            (services.labels(), services.index()),
            (vec!["http://a:1".into(), "https://b/base".into()], 1)
        );
        let url =
            services.url(RELEASE, &[("gateway", "a b".into()), ("lastPriorityVersions", "k=1,l=2".into())]);
        assert_eq!(
            url.as_str(),
            "https://u:secret@b/base/v1/control/gateway/release?token=x&gateway=a+b&lastPriorityVersions=k%3D1%2Cl%3D2"
        );
        for (list, said) in
            [("", "no URL"), (" , ", "no URL"), ("a:1", "`a:1` is no"), ("ftp://u:secret@x", "`x` is no")]
        {
            let error = Services::new(list, 0).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_has_a_limit() {
        for (most, expect) in [(7, Some(&b"1234567"[..])), (6, None)] {
            let answer = Response::from(http::Response::new("1234567"));
            assert_eq!(body(answer, most).await.ok().as_deref(), expect, "{most}");
        }
    }

    #[test]
    fn services_take_turns() {
        let mut services = Services::new("http://a,http://b,http://c", 2).unwrap();
        let mut asked = Vec::new();
        for _ in 0..4 {
            asked.push(services.label());
            services.rotate();
        }
        assert_eq!(asked, ["http://c", "http://a", "http://b", "http://c"]);
    }
}
