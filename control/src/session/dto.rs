//! What log-in takes and gives.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::password::NO_PASSWORD, http::Stamp, language::Language, profile::dto::Profile,
    second_factor::dto::WantedBy,
};

/// Name or e-mail address, and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// User name or e-mail address; case does not matter.
    pub login: String,
    /// As it was set.
    #[schema(format = Password)]
    pub password: String,
    /// Six digits of the authenticator app, or a recovery code: sent again with name and password when the answer was
    /// `second_factor_needed`.
    #[serde(default)]
    #[schema(example = "123456")]
    pub code: Option<String>,
}

/// A person, as they see themselves.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User {
    /// ULID.
    pub id: String,
    /// Log-in name.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// Mail to it was shown to reach them.
    pub email_verified: bool,
    /// May do everything.
    pub admin: bool,
    /// Until the password is changed, only that works.
    pub must_change_password: bool,
    /// Log-ins take a second step.
    pub second_factor: bool,
    /// False for somebody who came by another provider: where the password is wanted, a log-in of the last ten minutes
    /// stands for it.
    pub has_password: bool,
}

impl From<warren_entity::users::Model> for User {
    fn from(user: warren_entity::users::Model) -> Self {
        Self {
            id: user.id,
            username: user.username,
            email: user.email,
            email_verified: user.email_verified,
            admin: user.admin,
            must_change_password: user.must_change_password,
            second_factor: user.second_factor,
            has_password: user.password_hash != NO_PASSWORD,
        }
    }
}

/// Answer to a log-in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LoggedIn {
    /// Who.
    pub user: User,
}

/// Facts about the panel that a client shows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Panel {
    /// What it is called.
    pub name: String,
    /// Colour of what is pressed and chosen; null: the panel's own.
    pub accent: Option<String>,
    /// For those whose browser asks for none that it speaks.
    pub language: Language,
    /// Version of control.
    pub version: String,
    /// This request came over plain http.
    pub plain_http: bool,
    /// It sends mail: invitations, links to another password and to another address.
    pub mail: bool,
    /// Sharing a server with the address of somebody without an account invites them.
    pub invites_by_sharing: bool,
    /// Nothing has been set up yet: no egg and no server.
    pub first_run: bool,
}

/// Who is logged in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CurrentSession {
    /// Who.
    pub user: User,
    /// What they say about themselves, and how they like the panel.
    pub profile: Profile,
    /// An admin looks as this person (`x-view-as`).
    pub viewing: bool,
    /// Permission keys held on the panel as a whole.
    pub permissions: Vec<String>,
    /// Those of nodes that are held on some node at least, and `admin.server.create`: what is worth offering. Which node it is,
    /// decides.
    pub permissions_on_nodes: Vec<String>,
    /// Who wants a second step of them, while log-ins take none.
    pub second_factor_wanted_by: Option<WantedBy>,
    /// The panel.
    pub panel: Panel,
}

/// One log-in of the account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionInfo {
    /// ULID.
    pub id: String,
    /// When the log-in was.
    pub created_at: Stamp,
    /// Last request, to the minute.
    pub last_seen_at: Stamp,
    /// Where the log-in came from.
    pub address: String,
    /// What the browser said it is.
    pub user_agent: String,
    /// The one that asks.
    pub current: bool,
}
