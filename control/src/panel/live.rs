//! What holds at this moment, for whoever asks: read once, and anew when it was changed, here or by another control.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::store::{self, Kept};
use crate::{
    app::{App, Ground},
    config::{self, Config, SecondFactorOf},
    error::Result,
    language::Language,
    mail::Mailer,
};

/// Another control's change counts here by then: one row is read by its key, whatever else there is.
const LOOK: Duration = Duration::from_secs(3);
/// As the panel is called that nobody has named.
const NAME: &str = "Warren";
/// Days after which a session that nobody used has ended.
const SESSION_DAYS: u16 = 14;

/// What holds.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "dto.rs documents every member")]
pub struct Now {
    pub name: String,
    pub accent: Option<String>,
    pub language: Language,
    pub sign_up: bool,
    pub sign_up_domains: Vec<String>,
    pub second_factor_of: SecondFactorOf,
    pub invite_by_sharing: bool,
    pub session_days: u16,
    pub upload_bytes: Option<u64>,
    /// Where mail goes out; empty: nowhere.
    pub mail: config::Mail,
    /// Unix milliseconds of the last change.
    pub at_ms: i64,
}

impl Now {
    pub(super) fn of(config: &Config, kept: &Kept) -> Self {
        let chosen = kept.chosen.clone();
        let mail = match (&kept.mail_url, &chosen.mail_from) {
            (Some(url), Some(from)) => config::Mail {
                url: url.clone().into(),
                from: from.clone(),
            },
            _ => config.mail.clone(),
        };
        Self {
            name: chosen.name.unwrap_or_else(|| NAME.into()),
            accent: chosen.accent,
            language: chosen.language.unwrap_or_default(),
            sign_up: chosen.sign_up,
            sign_up_domains: chosen.sign_up_domains,
            second_factor_of: chosen.second_factor_of.unwrap_or(config.second_factor_of),
            invite_by_sharing: chosen.invite_by_sharing.unwrap_or(config.invite_by_sharing),
            session_days: chosen.session_days.unwrap_or(SESSION_DAYS),
            upload_bytes: chosen.upload_bytes,
            mail,
            at_ms: kept.at_ms,
        }
    }

    /// How long a session that nobody uses lasts.
    #[must_use]
    pub fn session_ms(&self) -> i64 {
        i64::from(self.session_days) * 24 * 3600 * 1000
    }
}

/// Shared by all of one control.
#[derive(Debug, Clone)]
pub struct Live(Arc<ArcSwap<Now>>);

impl Live {
    /// As the configuration says, until it is loaded.
    #[must_use]
    pub fn configured(config: &Config) -> Self {
        let now = Now::of(config, &Kept::default());
        Self(Arc::new(ArcSwap::from_pointee(now)))
    }

    /// What holds at this moment.
    #[must_use]
    pub fn now(&self) -> Arc<Now> {
        self.0.load_full()
    }

    pub(super) fn set(&self, mail: &Mailer, now: Now) {
        mail.send_by(&now.mail);
        self.0.store(Arc::new(now));
    }
}

/// Reads what is set, if it is not what holds.
/// # Errors
/// Database; a row that was sealed under another key.
pub async fn load(ground: &Ground) -> Result<()> {
    let at_ms = store::changed_at(ground.db.read()).await?;
    if at_ms == ground.panel.now().at_ms {
        return Ok(());
    }
    let kept = store::read(ground.db.read(), &ground.keys.sealer).await?;
    ground
        .panel
        .set(&ground.mail, Now::of(&ground.config, &kept));
    Ok(())
}

/// Keeps what holds true to what is set.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = load(&app).await {
            tracing::warn!(%error, "the panel's settings can't be read; what held goes on");
        }
    }
}
