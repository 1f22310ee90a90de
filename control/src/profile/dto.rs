//! Profiles as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_entity::{profiles, users};

use crate::http::Version;
use crate::language::Language;

/// How pages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// As light as dark can be told apart.
    Contrast,
}

impl Theme {
    /// As it is written down.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Contrast => "contrast",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Dark, Self::Light, Self::Contrast]
            .into_iter()
            .find(|theme| theme.word() == word)
    }
}

/// Which mail somebody wants. Mail about the account itself comes in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailChoices {
    /// At a log-in from an address and a browser that were never seen before.
    pub log_in: bool,
    /// When somebody shares a server.
    pub shared: bool,
}

impl Default for MailChoices {
    fn default() -> Self {
        Self {
            log_in: true,
            shared: true,
        }
    }
}

/// One's own profile.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Profile {
    /// Which state this is; `if-match` takes it, and `etag` carries it.
    pub version: Version,
    /// What others call one; empty: the user name.
    #[schema(example = "Ann from the mill")]
    pub display_name: String,
    /// About oneself.
    pub bio: String,
    /// Pages of one's own.
    #[schema(example = json!(["https://example.net/ann"]))]
    pub links: Vec<String>,
    /// Null: as the browser asks.
    pub language: Option<Language>,
    /// IANA name. Null: the browser's.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// Null: as the browser asks.
    pub theme: Option<Theme>,
    /// Which mail comes.
    pub mail: MailChoices,
    /// People who have a server in common see name, picture, text and links; false: the user name alone.
    pub shown: bool,
    /// Where the picture is; another address after each change. Null: there is none.
    #[schema(example = "/api/v1/users/01h455vb4pex5vsknk084sn02q/avatar?v=1700000000000")]
    pub avatar: Option<String>,
}

crate::http::versioned!(Profile);

/// Where a picture is.
fn avatar(row: &profiles::Model) -> Option<String> {
    let at = row.avatar_at_ms?;
    Some(format!("/api/v1/users/{}/avatar?v={at}", row.user_id))
}

fn links(row: &profiles::Model) -> Vec<String> {
    serde_json::from_value(row.links.clone()).unwrap_or_default()
}

impl From<Option<profiles::Model>> for Profile {
    fn from(row: Option<profiles::Model>) -> Self {
        let Some(row) = row else {
            return Self {
                version: Version::at(0),
                display_name: String::new(),
                bio: String::new(),
                links: Vec::new(),
                language: None,
                time_zone: None,
                theme: None,
                mail: MailChoices::default(),
                shown: true,
                avatar: None,
            };
        };
        Self {
            version: Version::at(row.updated_at_ms),
            avatar: avatar(&row),
            links: links(&row),
            language: row.language.as_deref().and_then(Language::of_tag),
            theme: row.theme.as_deref().and_then(Theme::of_word),
            mail: MailChoices {
                log_in: row.mail_log_in,
                shared: row.mail_shared,
            },
            display_name: row.display_name,
            bio: row.bio,
            time_zone: row.time_zone,
            shown: row.shown,
        }
    }
}

/// A profile as it is to be from now on, whole; what is left out is as if nothing was ever said of it. The picture stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileSet {
    /// At most 64 characters.
    #[serde(default)]
    #[schema(example = "Ann from the mill", max_length = 64)]
    pub display_name: String,
    /// At most 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub bio: String,
    /// At most five, each `https://…` of at most 200 characters.
    #[serde(default)]
    #[schema(example = json!(["https://example.net/ann"]), max_items = 5)]
    pub links: Vec<String>,
    /// Null: as the browser asks.
    #[serde(default)]
    pub language: Option<Language>,
    /// IANA name. Null: the browser's.
    #[serde(default)]
    #[schema(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
    /// Null: as the browser asks.
    #[serde(default)]
    pub theme: Option<Theme>,
    /// Which mail comes.
    #[serde(default)]
    pub mail: MailChoices,
    /// People who have a server in common see name, picture, text and links.
    #[serde(default = "yes")]
    pub shown: bool,
}

fn yes() -> bool {
    true
}

/// What others see of somebody.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicProfile {
    /// ULID.
    pub id: String,
    /// Log-in name.
    pub username: String,
    /// What they want to be called; empty: the user name.
    pub display_name: String,
    /// About themselves.
    pub bio: String,
    /// Pages of theirs.
    pub links: Vec<String>,
    /// Where their picture is.
    pub avatar: Option<String>,
}

impl PublicProfile {
    /// Of somebody who may have hidden it.
    #[must_use]
    pub fn of(user: users::Model, row: Option<profiles::Model>) -> Self {
        let row = row.filter(|row| row.shown);
        Self {
            id: user.id,
            username: user.username,
            avatar: row.as_ref().and_then(avatar),
            links: row.as_ref().map(links).unwrap_or_default(),
            bio: row.as_ref().map(|row| row.bio.clone()).unwrap_or_default(),
            display_name: row.map(|row| row.display_name).unwrap_or_default(),
        }
    }
}
