//! Languages that the panel speaks: its pages in a browser and its mail.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of them, by its BCP 47 tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
}

impl Language {
    /// All.
    pub const ALL: [Self; 3] = [Self::En, Self::De, Self::Fr];

    /// As it is written down.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
        }
    }

    /// Reads what was written down; a language that the panel has lost since is none.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }
}
