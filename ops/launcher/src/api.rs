//! The few calls of the REST API that setting up the demo takes.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method};
use serde_json::Value;

/// Longest time for one call.
const LIMIT: Duration = Duration::from_secs(20);

/// A client of the instance's own API, on loopback.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    base: String,
    key: Option<String>,
}

impl Api {
    /// A client for the API on this loopback port.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(port: u16, tls: bool) -> Result<Self> {
        let client = Client::builder()
            .timeout(LIMIT)
            // Loopback only, and the certificate is one that control just signed itself.
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .build()
            .context("make an HTTP client")?;
        let scheme = if tls { "https" } else { "http" };
        Ok(Self {
            client,
            base: format!("{scheme}://127.0.0.1:{port}"),
            key: None,
        })
    }

    /// The same client speaking with an API key.
    #[must_use]
    pub fn with_key(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }

    /// Whether `path` answers 200.
    pub async fn answers(&self, path: &str) -> bool {
        let asked = self.client.get(format!("{}{path}", self.base)).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    /// What `path` says, when it answers 200.
    pub async fn says(&self, path: &str) -> Option<String> {
        let asked = self.client.get(format!("{}{path}", self.base)).send().await;
        let answer = asked.ok().filter(|answer| answer.status().is_success())?;
        answer.text().await.ok()
    }

    /// GET below `/api/v1`.
    ///
    /// # Errors
    /// Carries the problem's title and detail.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// POST of JSON below `/api/v1`.
    ///
    /// # Errors
    /// Carries the problem's title and detail.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let shown = format!("{method} {path}");
        let mut request = self
            .client
            .request(method, format!("{}/api/v1{path}", self.base));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.with_context(|| shown.clone())?;
        let status = answer.status();
        let text = answer.text().await.with_context(|| shown.clone())?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if !status.is_success() {
            let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            let errors = value
                .get("errors")
                .map(Value::to_string)
                .unwrap_or_default();
            bail!(
                "{shown} answered {status}: {} {} {errors}",
                word("title"),
                word("detail")
            );
        }
        Ok(value)
    }
}
