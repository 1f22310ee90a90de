//! What is written to people.

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

impl Letter {
    /// Invites somebody who has an account from now on.
    #[must_use]
    pub fn invitation(name: &str, by: &str, link: &str) -> Self {
        Self {
            subject: "You were invited to Warren".into(),
            text: format!(
                "Hello {name},\n\n{by} made an account for you on this panel:\n\n    user name  {name}\n\n\
                 Choose a password within a week:\n\n{link}\n\n\
                 If you do not expect this, leave it alone: without a password nobody can use the account.\n"
            ),
        }
    }

    /// Tells somebody without an account that a server is shared with them.
    #[must_use]
    pub fn shared(name: &str, by: &str, server: &str, link: &str) -> Self {
        Self {
            subject: "Somebody shares a game server with you".into(),
            text: format!(
                "Hello,\n\n{by} shares the game server \"{server}\" with you on this panel, where an account was made for you:\n\n    \
                 user name  {name}\n\nChoose a password within a week; the name can be changed then:\n\n{link}\n\nIf you do not \
                 expect this, leave it alone: without a password nobody can use the account, and it goes by itself.\n"
            ),
        }
    }

    /// Lets somebody set another password.
    #[must_use]
    pub fn reset(name: &str, address: &str, link: &str) -> Self {
        Self {
            subject: "Another password for Warren".into(),
            text: format!(
                "Hello {name},\n\nsomebody at {address} asked for another password for your account. \
                 If that was you, choose one within an hour:\n\n{link}\n\n\
                 If it was not, leave this alone: your password stays as it is.\n"
            ),
        }
    }

    /// Says that the password is another one.
    #[must_use]
    pub fn changed(name: &str, address: &str) -> Self {
        Self {
            subject: "Your password for Warren was changed".into(),
            text: format!(
                "Hello {name},\n\nthe password of your account was changed from {address}, and all other log-ins \
                 have ended. If that was not you, ask for another password at once and tell an admin.\n"
            ),
        }
    }

    /// Says that the password was set by a link.
    #[must_use]
    pub fn recovered(name: &str, address: &str) -> Self {
        Self {
            subject: "Your password for Warren was changed".into(),
            text: format!(
                "Hello {name},\n\nthe password of your account was set by a link from {address}. All log-ins and all API \
                 keys of the account have ended. If that was not you, tell an admin.\n"
            ),
        }
    }

    /// Asks whether an address is somebody's.
    #[must_use]
    pub fn confirm(name: &str, address: &str, link: &str) -> Self {
        Self {
            subject: "Is this your e-mail address?".into(),
            text: format!(
                "Hello,\n\nsomebody at {address} says that the account {name} at Warren is to have this e-mail address. If that \
                 was you, say so within a day:\n\n{link}\n\nIf it was not, leave this alone: nothing changes.\n"
            ),
        }
    }

    /// Tells the address that an account had.
    #[must_use]
    pub fn moved(name: &str, address: &str) -> Self {
        Self {
            subject: "Your account at Warren has another e-mail address".into(),
            text: format!(
                "Hello {name},\n\nthe e-mail address of your account was changed from {address}; nothing is sent to this \
                 one any more. If that was not you, tell an admin.\n"
            ),
        }
    }

    /// Shows that mail works.
    #[must_use]
    pub fn test() -> Self {
        Self {
            subject: "Mail from Warren works".into(),
            text: "This was sent to see whether mail works. It does.\n".into(),
        }
    }
}
