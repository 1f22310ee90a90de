//! The panel's settings as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    config::SecondFactorOf,
    http::{Stamp, Version},
    language::Language,
};

/// What anybody may know who sees the log-in page.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PanelFront {
    /// What it is called.
    #[schema(example = "Warren")]
    pub name: String,
    /// Colour of what is pressed and chosen; null: the panel's own.
    #[schema(example = "#4f7cff")]
    pub accent: Option<String>,
    /// For those whose browser asks for none that it speaks.
    pub language: Language,
    /// Anybody may ask for an account.
    pub sign_up: bool,
    /// It sends mail: a forgotten password can be replaced.
    pub mail: bool,
}

/// How mail is sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MailSettings {
    /// Whether any is.
    pub on: bool,
    /// The server, without what logs in to it.
    #[schema(example = "smtp://mail.example.net:587")]
    pub server: Option<String>,
    /// Who it comes from.
    #[schema(example = "Warren <panel@example.net>")]
    pub from: Option<String>,
    /// Set here; false: as control's configuration says.
    pub set_here: bool,
}

/// What holds, and what would if nothing was set here.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PanelSettings {
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// What the panel is called.
    #[schema(example = "Warren")]
    pub name: String,
    /// Colour of what is pressed and chosen; null: the panel's own.
    #[schema(example = "#4f7cff")]
    pub accent: Option<String>,
    /// For those whose browser asks for none that it speaks, and for mail to those who chose none.
    pub language: Language,
    /// Anybody may ask for an account; it takes mail.
    pub sign_up: bool,
    /// Domains of the addresses that may; empty: any.
    #[schema(example = json!(["example.net"]))]
    pub sign_up_domains: Vec<String>,
    /// Of whom the panel wants a second step at log-in.
    pub second_factor_of: SecondFactorOf,
    /// Set here; false: as control's configuration says.
    pub second_factor_set_here: bool,
    /// Sharing a server with the address of somebody without an account invites them.
    pub invite_by_sharing: bool,
    /// Set here; false: as control's configuration says.
    pub invite_by_sharing_set_here: bool,
    /// Days after which a log-in that nobody used has ended.
    #[schema(example = 14)]
    pub session_days: u16,
    /// Bytes of one file that people upload to servers that have no limit of their own; null: no limit.
    #[schema(example = 1073741824)]
    pub upload_bytes: Option<u64>,
    /// How mail is sent.
    pub mail: MailSettings,
    /// Last change; null: nothing was ever set here.
    pub updated_at: Option<Stamp>,
}

crate::http::versioned!(PanelSettings);

/// A mail server.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailServer {
    /// `smtp://user:password@mail.example.net:587?tls=required` or `smtps://…`. Left out: the one that is set stays.
    #[serde(default)]
    #[schema(format = Password, example = "smtps://panel:secret@mail.example.net")]
    pub url: Option<String>,
    /// Who it comes from.
    #[schema(example = "Warren <panel@example.net>")]
    pub from: String,
}

/// Settings as they are to be from now on, whole. Null: as control's configuration says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PanelSet {
    /// 1 to 40 characters. Null: Warren.
    #[serde(default)]
    #[schema(example = "Mill Games", max_length = 40)]
    pub name: Option<String>,
    /// `#rrggbb`. Null: the panel's own.
    #[serde(default)]
    #[schema(example = "#4f7cff")]
    pub accent: Option<String>,
    /// Null: English.
    #[serde(default)]
    pub language: Option<Language>,
    /// Anybody may ask for an account. Takes mail.
    #[serde(default)]
    pub sign_up: bool,
    /// Domains of the addresses that may, at most 32; empty: any.
    #[serde(default)]
    #[schema(example = json!(["example.net"]))]
    pub sign_up_domains: Vec<String>,
    /// Of whom the panel wants a second step at log-in.
    #[serde(default)]
    pub second_factor_of: Option<SecondFactorOf>,
    /// Sharing a server with the address of somebody without an account invites them.
    #[serde(default)]
    pub invite_by_sharing: Option<bool>,
    /// 1 to 90. Null: 14.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 90, example = 14)]
    pub session_days: Option<u16>,
    /// Bytes of one file that people upload to servers that have no limit of their own, 1 MiB or more. Null: no limit.
    #[serde(default)]
    #[schema(minimum = 1048576, example = 1073741824)]
    pub upload_bytes: Option<u64>,
    /// Null: as control's configuration says.
    #[serde(default)]
    pub mail: Option<MailServer>,
    /// The caller's password that is good now: another mail server takes it, for links to other passwords go by it.
    #[serde(default)]
    #[schema(format = Password)]
    pub current_password: Option<String>,
}

/// A message that shows whether mail works.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailTest {
    /// Where to. Left out: one's own address.
    #[serde(default)]
    #[schema(example = "ann@example.net")]
    pub to: Option<String>,
    /// Tried before it is set. Left out: what holds.
    #[serde(default)]
    pub mail: Option<MailServer>,
}

/// The server took it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MailTested {
    /// Where it was sent.
    pub to: String,
    /// From the first byte to the server's word.
    pub took_ms: u64,
}
