//! Talking to a provider: what it says of itself, where a browser is sent, and what it vouches for.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use moka::future::Cache;
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, TokenResponse,
    core::{
        CoreClient, CoreIdToken, CoreJwsSigningAlgorithm as Algorithm, CoreProviderMetadata,
        CoreResponseType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    clock::Clock,
    config::{self, Config},
    text::tame,
};

/// One answer of a provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const LARGEST: usize = 1024 * 1024;
/// What a provider said of itself is asked for again after that.
const KNOWN: Duration = Duration::from_secs(3600);
/// All that a log-in asks of it; the door gives up a little later.
const ALL_PATIENCE: Duration = Duration::from_secs(20);
/// Log-ins that are with one provider at once.
const TURNS: usize = 16;
/// A signature by a key that is not known is reason to ask again, this often at most.
const AGAIN_MS: i64 = 60 * 1000;
/// One that did not answer is left alone so long: strangers at the log-in page must not make control ask all the time.
const REST_MS: i64 = 5 * 1000;
/// Signatures that only the provider can make: with a shared secret anybody who has it could.
const SIGNATURES: [Algorithm; 10] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
    Algorithm::EcdsaP521Sha512,
];

/// Why a provider was of no use.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// It did not answer, or not as providers do.
    #[error("{0}")]
    Unreachable(String),
    /// What it answered is not to be believed.
    #[error("{0}")]
    Untrusted(String),
}

/// Says the whole chain: what went wrong stands at its end. Some of it may be what a stranger sent.
fn words(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    tame(&text, 512)
}

fn unreachable(error: impl std::error::Error) -> Error {
    Error::Unreachable(words(error))
}

fn untrusted(error: impl std::error::Error) -> Error {
    Error::Untrusted(words(error))
}

/// Looks over the configured providers.
/// # Errors
/// Names the key.
pub fn check(config: &Config) -> Result<(), config::Error> {
    let bad = |problem: String| {
        Err(config::Error::Value {
            key: "sso",
            problem,
        })
    };
    for (id, provider) in &config.sso {
        let shaped = (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !shaped {
            return bad(format!(
                "{id:?} has 1 to 32 lower-case letters, digits and hyphens"
            ));
        }
        if provider.name.trim().is_empty() || provider.client_id.is_empty() {
            return bad(format!("{id}: give name and client_id"));
        }
        let Ok(url) = reqwest::Url::parse(&provider.issuer) else {
            return bad(format!("{id}: issuer {:?} is no address", provider.issuer));
        };
        let loopback = is_loopback(&url);
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return bad(format!(
                "{id}: issuer {:?} is neither https nor http on loopback: whoever is between could log in as anybody",
                provider.issuer
            ));
        }
        if !provider.scopes.split_whitespace().any(|s| s == "openid") {
            return bad(format!("{id}: scopes hold openid at least"));
        }
    }
    Ok(())
}

/// All that are configured.
pub struct Providers(BTreeMap<String, Provider>);

impl Providers {
    /// From the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let of = |(id, config): (&String, &config::Provider)| {
            (id.clone(), Provider::new(id.clone(), config.clone()))
        };
        Self(config.sso.iter().map(of).collect())
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Provider> {
        self.0.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.values()
    }
}

/// One provider.
pub struct Provider {
    /// Part of its addresses here.
    pub id: String,
    /// As the operator wrote it.
    pub config: config::Provider,
    client: Result<reqwest::Client, Error>,
    /// Plain http is for providers on this machine alone.
    loopback: bool,
    /// What it said of itself. Those who ask at once share one request.
    known: Cache<(), Arc<CoreProviderMetadata>>,
    asked_ms: AtomicI64,
    failed_ms: AtomicI64,
    /// Codes that are being changed: strangers can make up as many as they like.
    turns: Semaphore,
}

/// What ties an answer to its question: neither is told to the browser in the clear.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Secrets {
    /// Comes back inside the token.
    pub nonce: String,
    /// Proves to the provider that who changes the code is who asked for it.
    pub verifier: String,
}

impl Secrets {
    pub fn new() -> Self {
        let (_, verifier) = PkceCodeChallenge::new_random_sha256();
        Self {
            nonce: Nonce::new_random().secret().clone(),
            verifier: verifier.into_secret(),
        }
    }
}

/// What a provider vouches for.
#[derive(Debug)]
pub(super) struct Vouched {
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    pub email_verified: bool,
    /// What it calls the person.
    pub name: Option<String>,
    /// A name to log in with, if it has one.
    pub username: Option<String>,
    /// Words of the claim that names roles.
    pub words: Vec<String>,
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str().unwrap_or_default() {
        "localhost" => true,
        host => host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
    }
}

async fn call(
    client: Result<reqwest::Client, Error>,
    loopback: bool,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    let request = reqwest::Request::try_from(request).map_err(unreachable)?;
    let url = request.url();
    // Where its tokens and keys come from it says itself: whoever is between could say it too.
    if url.scheme() != "https" && !(loopback && url.scheme() == "http" && is_loopback(url)) {
        let text = format!("it names {}, which is not https", tame(url.as_str(), 256));
        return Err(Error::Unreachable(text));
    }
    let mut answer = client?.execute(request).await.map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Error::Unreachable("its answer is too large".into()));
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = HttpResponse::new(body);
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

impl Provider {
    fn new(id: String, config: config::Provider) -> Self {
        let builder = reqwest::Client::builder()
            .timeout(PATIENCE)
            // A provider that sends control elsewhere could make it ask whomever it likes.
            .redirect(reqwest::redirect::Policy::none());
        let loopback = reqwest::Url::parse(&config.issuer).is_ok_and(|url| is_loopback(&url));
        Self {
            id,
            config,
            client: builder.build().map_err(unreachable),
            loopback,
            known: Cache::builder().time_to_live(KNOWN).max_capacity(1).build(),
            asked_ms: AtomicI64::new(0),
            failed_ms: AtomicI64::new(0),
            turns: Semaphore::new(TURNS),
        }
    }

    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        call(self.client.clone(), self.loopback, request).await
    }

    async fn metadata(&self, clock: &Clock) -> Result<Arc<CoreProviderMetadata>, Error> {
        let asking = async {
            if clock.now_ms() < self.failed_ms.load(Relaxed) + REST_MS {
                let text = "it did not answer a moment ago; try again in a few seconds";
                return Err(Error::Unreachable(text.into()));
            }
            let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(unreachable)?;
            let http = |request| call(self.client.clone(), self.loopback, request);
            let asked = CoreProviderMetadata::discover_async(issuer, &http).await;
            let now_ms = clock.now_ms();
            self.asked_ms.store(now_ms, Relaxed);
            asked.map(Arc::new).map_err(|error| {
                self.failed_ms.store(now_ms, Relaxed);
                unreachable(error)
            })
        };
        self.known
            .try_get_with((), asking)
            .await
            .map_err(|error| Error::clone(&error))
    }

    /// Where a browser goes, to come back to `back` with `state`.
    pub(super) async fn away(
        &self,
        back: &str,
        state: String,
        secrets: &Secrets,
        clock: &Clock,
    ) -> Result<String, Error> {
        let metadata = self.metadata(clock).await?;
        let client = CoreClient::from_provider_metadata(
            CoreProviderMetadata::clone(&metadata),
            ClientId::new(self.config.client_id.clone()),
            None,
        )
        .set_redirect_uri(RedirectUrl::new(back.to_owned()).map_err(unreachable)?);
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let nonce = Nonce::new(secrets.nonce.clone());
        let verifier = PkceCodeVerifier::new(secrets.verifier.clone());
        let mut ask = client
            .authorize_url(flow, || CsrfToken::new(state), || nonce)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        let scopes = self.config.scopes.split_whitespace();
        for scope in scopes.filter(|scope| *scope != "openid") {
            ask = ask.add_scope(Scope::new(scope.to_owned()));
        }
        let (url, ..) = ask.url();
        Ok(url.to_string())
    }

    /// Changes a code for what the provider vouches for.
    pub(super) async fn vouched(
        &self,
        back: &str,
        code: String,
        secrets: Secrets,
        clock: &Clock,
    ) -> Result<Vouched, Error> {
        let Ok(_turn) = self.turns.try_acquire() else {
            let text = format!("{TURNS} log-ins are with it already");
            return Err(Error::Unreachable(text));
        };
        let all = self.exchange(back, code, secrets, clock);
        let late = |_| Error::Unreachable("it took too long".into());
        timeout(ALL_PATIENCE, all).await.map_err(late)?
    }

    async fn exchange(
        &self,
        back: &str,
        code: String,
        secrets: Secrets,
        clock: &Clock,
    ) -> Result<Vouched, Error> {
        let mut metadata = self.metadata(clock).await?;
        let http = |request| call(self.client.clone(), self.loopback, request);
        let secret = self.config.client_secret.expose();
        let client = CoreClient::from_provider_metadata(
            CoreProviderMetadata::clone(&metadata),
            ClientId::new(self.config.client_id.clone()),
            (!secret.is_empty()).then(|| ClientSecret::new(secret.to_owned())),
        )
        .set_redirect_uri(RedirectUrl::new(back.to_owned()).map_err(unreachable)?);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(unreachable)?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier))
            .request_async(&http)
            .await
            .map_err(|error| match error {
                openidconnect::RequestTokenError::Request(error) => error,
                // A code that is none, or a client that it does not know.
                other => untrusted(other),
            })?;
        let token = tokens.id_token();
        let token = token.ok_or_else(|| Error::Untrusted("there is no ID token".into()))?;
        let nonce = Nonce::new(secrets.nonce);
        let mut verdict = self.verify(&metadata, token, &nonce);
        if verdict.is_err() && self.asked_ms.load(Relaxed) + AGAIN_MS < clock.now_ms() {
            // Its keys may have changed since.
            self.known.invalidate(&()).await;
            metadata = self.metadata(clock).await?;
            verdict = self.verify(&metadata, token, &nonce);
        }
        let subject = verdict?;
        let mut claims = payload(&token.to_string())?;
        if let Some(endpoint) = metadata.userinfo_endpoint() {
            let token = tokens.access_token().secret();
            let more = self.userinfo(endpoint.as_str(), token).await?;
            if more.get("sub").and_then(Value::as_str) != Some(&subject) {
                let text = "its user info is about another person than the ID token";
                return Err(Error::Untrusted(text.into()));
            }
            if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
                merge(claims, more);
            }
        }
        Ok(self.read(metadata.issuer().to_string(), subject, &claims))
    }

    /// The subject of a token that is the provider's, for us, of now and of this log-in.
    fn verify(
        &self,
        metadata: &CoreProviderMetadata,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<String, Error> {
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.config.client_id.clone()),
            None,
        );
        let verifier = client.id_token_verifier().set_allowed_algs(SIGNATURES);
        let claims = token.claims(&verifier, nonce).map_err(untrusted)?;
        Ok(claims.subject().to_string())
    }

    async fn userinfo(&self, endpoint: &str, token: &str) -> Result<Value, Error> {
        let mut request = HttpRequest::new(Vec::new());
        *request.uri_mut() = endpoint.parse().map_err(unreachable)?;
        let bearer = format!("Bearer {token}").parse().map_err(unreachable)?;
        let headers = request.headers_mut();
        headers.insert(axum::http::header::AUTHORIZATION, bearer);
        let json = axum::http::HeaderValue::from_static("application/json");
        headers.insert(axum::http::header::ACCEPT, json);
        let answer = self.call(request).await?;
        if !answer.status().is_success() {
            let text = format!("its user info answered {}", answer.status());
            return Err(Error::Unreachable(text));
        }
        serde_json::from_slice(answer.body()).map_err(unreachable)
    }

    fn read(&self, issuer: String, subject: String, claims: &Value) -> Vouched {
        let text = |name: &str| {
            let text = claims.get(name).and_then(Value::as_str).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        // Some write the word instead of the value.
        let verified = claims
            .get("email_verified")
            .is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"));
        let words = match claims.get(&*self.config.roles_claim) {
            Some(Value::Array(all)) => all
                .iter()
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect(),
            Some(Value::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        };
        Vouched {
            issuer,
            subject,
            email_verified: verified,
            name: text("name"),
            username: text("preferred_username").or_else(|| text("nickname")),
            email: text("email"),
            words,
        }
    }
}

/// The claims of a token whose signature was looked at.
fn payload(token: &str) -> Result<Value, Error> {
    let middle = token.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(middle).map_err(untrusted)?;
    serde_json::from_slice(&bytes).map_err(untrusted)
}

/// Adds what the user info says. What is signed counts where both say something, and an address and whether it was looked at
/// come from the same mouth.
fn merge(claims: &mut Map<String, Value>, more: Map<String, Value>) {
    let signed = ["email", "email_verified"]
        .iter()
        .any(|name| claims.contains_key(*name));
    for (name, value) in more {
        if !(signed && name.starts_with("email")) {
            claims.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_and_whether_it_was_looked_at_are_not_mixed() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let mut claims = object(json!({"sub": "7", "email": "victim@example.net"}));
        let more = json!({"email": "me@example.net", "email_verified": true, "name": "M"});
        merge(&mut claims, object(more));
        let merged = json!({"sub": "7", "email": "victim@example.net", "name": "M"});
        assert_eq!(Value::Object(claims), merged);
    }
}
