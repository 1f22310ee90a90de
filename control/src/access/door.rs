//! The list of doors: every way in which somebody reaches something.

/// A way in. Each asks [`super::decide`] and nothing else, and one test walks through all of them with made-up roles
/// and shares: a door that is added here and not there does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// An operation of the API, with a browser's log-in: `auth::subject`.
    Api,
    /// The same with a personal API key, which has what its owner has at that moment.
    ApiKey,
    /// Lists and counts, which show what one may see: `server::store`.
    List,
    /// The rights of a ticket for a server's console and figures: `server::live`.
    Ticket,
    /// What is left of them when a gateway renews it: `gate::renew`.
    Renewal,
    /// The servers of a ticket for one's own events: `server::live`.
    Mine,
    /// A log-in by SFTP, and the rights of its ticket: `sftp::log_in`.
    Sftp,
    /// An event consumer's credential when it is made: `event::service`.
    Consumer,
    /// And when rights have changed: `consumer::review`.
    Review,
}

impl Door {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Api,
        Self::ApiKey,
        Self::List,
        Self::Ticket,
        Self::Renewal,
        Self::Mine,
        Self::Sftp,
        Self::Consumer,
        Self::Review,
    ];
}
