//! Events and those who read them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use warren_proto::ids::ServerId;

use crate::http::Stamp;

/// Which events.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Sequence after which to go on; from the oldest by default.
    pub after: Option<i64>,
    /// Server id.
    #[param(value_type = Option<String>)]
    pub server: Option<ServerId>,
    /// Rows per page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
}

/// A CloudEvents 1.0 event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CloudEvent {
    /// `1.0`.
    pub specversion: String,
    /// ULID.
    pub id: String,
    /// `/warren`.
    pub source: String,
    /// `warren.server.state`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// `server/<id>` or `node/<id>`.
    pub subject: String,
    /// When it was committed.
    pub time: Stamp,
    /// `application/json`.
    pub datacontenttype: String,
    /// Global sequence, decimal.
    pub sequence: String,
    /// What happened.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// Events that are gone: older than the panel keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventGap {
    /// First sequence that is missing.
    pub from: i64,
    /// Last sequence that is missing.
    pub to: i64,
}

/// Events in the order of their sequence.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventPage {
    /// Events.
    pub items: Vec<CloudEvent>,
    /// `after` of the next page; null: nothing newer yet.
    pub next: Option<i64>,
    /// Newest sequence there is.
    pub last: i64,
    /// Oldest sequence that is kept; null: none is.
    pub first: Option<i64>,
    /// What lay between `after` and `first` and is gone, of this panel's servers or others': whoever follows
    /// reads the state anew. Null: nothing was missed.
    pub gap: Option<EventGap>,
}

/// A credential to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumerCreate {
    /// 1 to 64 characters.
    pub name: String,
    /// Server ids; null: all (admins only).
    #[schema(value_type = Option<Vec<String>>)]
    pub servers: Option<Vec<ServerId>>,
    /// Seconds until it expires, at most a year; null: a year.
    #[schema(minimum = 60, maximum = 31_622_400)]
    pub expires_in_s: Option<u32>,
}

/// Somebody who reads events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Consumer {
    /// ULID.
    pub id: String,
    /// Name.
    pub name: String,
    /// Server ids; null: all.
    pub servers: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Stamp,
    /// When it expires.
    pub expires_at: Option<Stamp>,
}

/// The only time that the credential is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConsumerCreated {
    /// The consumer.
    pub consumer: Consumer,
    /// NATS credentials file.
    pub creds: String,
    /// Where to connect.
    pub nats_urls: Vec<String>,
    /// CA to trust; null: plain, on loopback.
    pub ca_pem: Option<String>,
    /// What to subscribe to for live events.
    pub subjects: Vec<String>,
    /// JetStream stream for replay.
    pub stream: String,
    /// Name of the first durable consumer that was made for replay.
    pub durable: Option<String>,
    /// All of them: before nats-server 2.10 there is one for each server.
    pub durables: Vec<String>,
    /// Prefix of the JetStream API that the credential may use.
    pub api_prefix: String,
    /// Inbox prefix that the client must use.
    pub inbox_prefix: String,
    /// A command that works.
    pub example: String,
}
