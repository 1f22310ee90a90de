//! Who asks: log-in, credentials, and the extractors that no handler can forget.

mod attempts;
mod caller;
pub mod cookie;
mod networks;
pub mod offer;
pub mod origin;
pub mod password;
pub mod peer;
pub mod secret;
pub mod subject;

pub use attempts::{Attempts, Network};
pub(crate) use caller::by_key;
pub use caller::{AnyCaller, Caller, Counted, not_suspended};
pub use cookie::{Scheme, SetCookie};
pub use networks::Networks;
pub use origin::Hosts;
pub use password::Passwords;
pub use peer::{Peer, Proxies};
pub use subject::{NodeAccess, ServerAccess};

use crate::{
    config::Config,
    console::turns::Turns,
    files::reads::Reads,
    http::{Pin, Rates},
    sso::Providers,
};

/// What the front door keeps in memory. All of it can be lost.
pub struct Door {
    /// Argon2id queue.
    pub passwords: Passwords,
    /// Turns of those who search consoles.
    pub searches: Turns,
    /// Files that were read of late.
    pub reads: Reads,
    /// Wrong passwords of late.
    pub attempts: Attempts,
    /// Requests of late.
    pub rates: Rates,
    /// Names under which the panel may be reached.
    pub hosts: Hosts,
    /// Whose `x-forwarded-…` headers are believed.
    pub proxies: Proxies,
    /// Other providers of log-ins, and what they said of themselves.
    pub sso: Providers,
    /// What a certificate of control's own making is known by. Set once it listens.
    pub pin: std::sync::OnceLock<Pin>,
}

impl Door {
    /// From the configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let names = [&config.public_url, &config.address, &config.http_listen];
        let names = names
            .into_iter()
            .chain(&config.allowed_hosts)
            .chain(&config.tls.acme_names);
        Self {
            passwords: Passwords::default(),
            searches: Turns::default(),
            reads: Reads::default(),
            attempts: Attempts::default(),
            rates: Rates::default(),
            hosts: Hosts::new(names.map(String::as_str)),
            proxies: Proxies::new(&config.trusted_proxies),
            sso: Providers::new(config),
            pin: std::sync::OnceLock::new(),
        }
    }
}
