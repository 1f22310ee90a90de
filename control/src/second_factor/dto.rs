//! The second step of one's own log-in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::Stamp;

/// Who wants a second step of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WantedBy {
    /// The panel: nothing else works until it is set up.
    Panel,
    /// A role that was given and counts only with it.
    Role,
}

/// Whether a log-in takes a second step.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SecondFactor {
    /// It does.
    pub on: bool,
    /// Since when.
    pub since: Option<Stamp>,
    /// Recovery codes that were not used yet.
    pub recovery_codes: u64,
    /// Who wants it, while it is off.
    pub wanted_by: Option<WantedBy>,
}

/// Begins to set up an authenticator app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorBegin {
    /// The one that is good now.
    #[schema(format = Password)]
    pub current_password: String,
}

/// What an authenticator app is told. Nothing is asked for until it has shown a code.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SecondFactorOffer {
    /// `otpauth://totp/…`, for a QR code.
    pub uri: String,
    /// The same secret to be typed: base32.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    pub secret: String,
}

/// A code that the app shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorConfirm {
    /// Six digits.
    #[schema(example = "123456")]
    pub code: String,
}

/// Proves that it is not just somebody at an open browser.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorProof {
    /// The one that is good now.
    #[schema(format = Password)]
    pub current_password: String,
    /// Six digits of the app, or a recovery code.
    #[schema(example = "123456")]
    pub code: String,
}

/// Each stands in for the app once. Shown this once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten, or none.
    pub codes: Vec<String>,
}
