//! What a caller can do about it, named once for the whole of control. `problem.rs` alone turns it
//! into an HTTP answer.

use sea_orm::{DbErr, SqlErr};
use serde::Serialize;
use utoipa::ToSchema;
use warren_proto::ids::NodeId;

/// Shorthand of this crate's fallible functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One field that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field in the request: `limits.memory_bytes`, `variables.SERVER_JARFILE`.
    pub field: String,
    /// Stable word: `required`, `too_long`, `out_of_range`, `taken`, ...
    pub code: String,
    /// For a person: what is wrong and what would do.
    pub message: String,
}

/// Every way in which a request can end without success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401: nobody is logged in, or the credential is not good (any more).
    #[error("{detail}")]
    Unauthenticated {
        /// Stable code.
        code: &'static str,
        /// For a person.
        detail: String,
    },
    /// 403: known, but may not. Only where the thing itself may be seen, else [`Error::NotFound`].
    #[error("{detail}")]
    Forbidden {
        /// Stable code.
        code: &'static str,
        /// For a person.
        detail: String,
    },
    /// 404, also hides what one may not see.
    #[error("{what} not found")]
    NotFound {
        /// The noun.
        what: &'static str,
    },
    /// 409: the thing is in a state that forbids it.
    #[error("{detail}")]
    Conflict {
        /// Stable code.
        code: &'static str,
        /// For a person.
        detail: String,
    },
    /// 422: fields of the request were refused.
    #[error("{} field(s) refused", .0.len())]
    Invalid(
        /// Each of them.
        Vec<FieldError>,
    ),
    /// Any other 4xx that needs no fields.
    #[error("{detail}")]
    Refused {
        /// HTTP status, 400 to 499.
        status: u16,
        /// Stable code.
        code: &'static str,
        /// For a person.
        detail: String,
    },
    /// 422 with its own code: an egg or another document that was refused as a whole.
    #[error("{detail}")]
    Document {
        /// Stable code.
        code: &'static str,
        /// For a person.
        detail: String,
        /// Where in the document.
        errors: Vec<FieldError>,
    },
    /// 429.
    #[error("{detail}")]
    TooMany {
        /// Stable code.
        code: &'static str,
        /// For a person.
        detail: String,
        /// When to come again.
        retry_after_s: u64,
    },
    /// 503, retryable: the node is not connected, so nobody waits for it.
    #[error("node {node} is offline; it is asked again when it comes back")]
    NodeOffline {
        /// Which.
        node: NodeId,
    },
    /// 502: the node answered with a failure.
    #[error("{message}")]
    Agent {
        /// The agent's stable code.
        code: String,
        /// For a person.
        message: String,
        /// Whether asking again may help.
        retryable: bool,
    },
    /// 503, retryable.
    #[error("{detail}")]
    Unavailable {
        /// Stable code.
        code: &'static str,
        /// For a person.
        detail: String,
    },
    /// 500; the cause is logged once and never sent.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

impl Error {
    /// 404 of a noun.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::NotFound { what }
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }

    /// 409 of a server that an admin keeps down.
    #[must_use]
    pub fn suspended() -> Self {
        let text = "this server is suspended; an admin must lift that first";
        Self::conflict("suspended", text)
    }

    /// What a database says of a row whose unique index is the one of its name: 422 if another has it.
    pub fn name_taken(what: &str) -> impl Fn(DbErr) -> Self {
        move |error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                Self::field("name", "taken", format!("another {what} has this name"))
            }
            _ => error.into(),
        }
    }

    /// 413 of a body that is longer than its route reads.
    #[must_use]
    pub fn too_large(most_bytes: usize) -> Self {
        let detail = format!("the body is larger than the {most_bytes} bytes that this call takes");
        Self::refused(413, "too_large", detail)
    }

    /// 403.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Forbidden {
            code,
            detail: detail.into(),
        }
    }

    /// 401.
    pub fn unauthenticated(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Unauthenticated {
            code,
            detail: detail.into(),
        }
    }

    /// Another 4xx.
    pub fn refused(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused {
            status,
            code,
            detail: detail.into(),
        }
    }

    /// 422 of one field.
    pub fn field(
        field: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![FieldError {
            field: field.into(),
            code: code.into(),
            message: message.into(),
        }])
    }

    /// 500.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(cause.into())
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Internal(anyhow::Error::new(error).context("database"))
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

/// Collects refused fields, so that a form learns of all of them at once.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// Nothing refused yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses a field.
    pub fn refuse(&mut self, field: impl Into<String>, code: &str, message: impl Into<String>) {
        self.0.push(FieldError {
            field: field.into(),
            code: code.to_owned(),
            message: message.into(),
        });
    }

    /// Refuses a field unless `good`.
    pub fn check(&mut self, good: bool, field: &str, code: &str, message: impl Into<String>) {
        if !good {
            self.refuse(field, code, message);
        }
    }

    /// Checks a name or other single line: trimmed length within `1..=max` characters, no control
    /// characters. Returns it trimmed.
    pub fn line(&mut self, field: &str, text: &str, max: usize) -> String {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 {
            self.refuse(field, "required", "must not be empty");
        } else if length > max {
            self.refuse(
                field,
                "too_long",
                format!("has {length} characters; at most {max} are possible"),
            );
        } else if text.chars().any(is_hidden) {
            self.refuse(
                field,
                "control_character",
                "holds a control or invisible direction character; remove it",
            );
        }
        text.to_owned()
    }

    /// Like [`Fields::line`], for longer text in which line breaks are fine and which may be empty.
    pub fn text(&mut self, field: &str, text: &str, max: usize) -> String {
        let length = text.chars().count();
        if length > max {
            self.refuse(
                field,
                "too_long",
                format!("has {length} characters; at most {max} are possible"),
            );
        }
        if text
            .chars()
            .any(|c| is_hidden(c) && !matches!(c, '\n' | '\r' | '\t'))
        {
            self.refuse(
                field,
                "control_character",
                "holds a control or invisible direction character; remove it",
            );
        }
        text.to_owned()
    }

    /// Takes over what another check found, below a prefix.
    pub fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        self.0.extend(errors);
    }

    /// Whether nothing was refused so far.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.0.is_empty()
    }

    /// All good, or all that was refused.
    /// # Errors
    /// [`Error::Invalid`] when a field was refused.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.0))
        }
    }
}

/// Control characters and the bidirectional overrides that make one name look like another.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_refused_field_is_named_at_once() {
        let mut fields = Fields::new();
        fields.line("name", "  ", 10);
        fields.line("title", "far too long a title", 10);
        fields.line("label", "a\u{202e}b", 10);
        let Err(Error::Invalid(errors)) = fields.finish() else {
            unreachable!("three fields are bad")
        };
        let found: Vec<_> = errors.iter().map(|e| (&*e.field, &*e.code)).collect();
        assert_eq!(
            found,
            [
                ("name", "required"),
                ("title", "too_long"),
                ("label", "control_character")
            ]
        );
    }

    #[test]
    fn a_good_line_comes_back_trimmed() {
        let mut fields = Fields::new();
        assert_eq!(fields.line("name", " Müll 🐇 ", 10), "Müll 🐇");
        fields.finish().unwrap();
    }
}
