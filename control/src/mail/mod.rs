//! Mail to people, by the SMTP server that the panel's settings or the configuration name.

mod letter;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use tokio::{sync::Semaphore, time::timeout};

pub use letter::{Letter, Writer};
use sea_orm::ConnectionTrait;
use warren_entity::users;

use crate::{
    app::Ground,
    config::{self, Config},
    error::{Error, Result},
    language::Language,
    profile,
};

/// A server has taken a message by then, or it counts as lost and is tried again.
const WITHIN: Duration = Duration::from_secs(20);
/// Pauses before each further try, spread by up to as much again.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// Messages on their way at one time; more are refused where they are asked for.
const ROOM: usize = 64;

/// Sends mail, or says that there is none. Clones share the server: another one counts for all of them.
#[derive(Clone, Default)]
pub struct Mailer(Arc<ArcSwapOption<Inner>>);

struct Inner {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    room: Arc<Semaphore>,
}

/// What a configuration says about mail, checked.
/// # Errors
/// Names the key.
pub fn check(config: &Config) -> Result<(), config::Error> {
    if config.mail.url.expose().is_empty() {
        return Ok(());
    }
    usable(&config.mail, &config.public_url)
}

/// Whether mail can be sent so, by a panel that is found at `public_url`.
/// # Errors
/// Names the key.
pub fn usable(mail: &config::Mail, public_url: &str) -> Result<(), config::Error> {
    let bad = |key, problem: String| Err(config::Error::Value { key, problem });
    if transport(mail).is_err() {
        // Not the text of the cause: it could show the password.
        return bad(
            "mail.url",
            "is no address like smtp://user:password@mail.example.net:587?tls=required or \
             smtps://user:password@mail.example.net"
                .into(),
        );
    }
    if mail.from.parse::<Mailbox>().is_err() {
        let text = format!(
            "{:?} is no sender like Warren <panel@example.net>",
            mail.from
        );
        return bad("mail.from", text);
    }
    if public_url.is_empty() {
        let text = "is what links in mail begin with; set it, or leave `mail.url` empty";
        return bad("public_url", text.into());
    }
    Ok(())
}

/// Who writes to somebody, in their language or else the panel's.
/// # Errors
/// Database.
pub async fn to(ground: &Ground, db: &impl ConnectionTrait, user: &users::Model) -> Result<Writer> {
    let (_, language) = profile::choices(db, &user.id).await?;
    Ok(writer(ground, &user.username, language))
}

/// Who writes to somebody whose language is known, or who has chosen none.
#[must_use]
pub fn writer(ground: &Ground, name: &str, language: Option<Language>) -> Writer {
    let now = ground.panel.now();
    Writer {
        panel: now.name.clone(),
        language: language.unwrap_or(now.language),
        name: name.to_owned(),
    }
}

fn transport(
    mail: &config::Mail,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(mail.url.expose())?;
    Ok(builder.timeout(Some(WITHIN)).build())
}

impl Mailer {
    /// By a server that was checked; none where its address is empty.
    #[must_use]
    pub fn of(mail: &config::Mail) -> Self {
        let mailer = Self::default();
        mailer.send_by(mail);
        mailer
    }

    /// Sends by this server from now on. What is on its way goes by the one before.
    pub fn send_by(&self, mail: &config::Mail) {
        let made = match (transport(mail), mail.from.parse()) {
            (Ok(transport), Ok(from)) if !mail.url.expose().is_empty() => Some(Arc::new(Inner {
                transport,
                from,
                room: Arc::new(Semaphore::new(ROOM)),
            })),
            _ => None,
        };
        self.0.store(made);
    }

    /// Whether there is a server to send by.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load().is_some()
    }

    /// Passes if mail can be sent.
    /// # Errors
    /// 409 `mail_off`.
    pub fn require(&self) -> Result<()> {
        if self.is_on() {
            return Ok(());
        }
        let text = "this panel sends no mail: name a mail server in its settings";
        Err(Error::conflict("mail_off", text))
    }

    /// Sends one message and waits until the server has taken it.
    /// # Errors
    /// In words: what the server said, or that it was not reached.
    pub async fn send(&self, to: &str, letter: &Letter) -> Result<(), String> {
        let Some(inner) = self.0.load_full() else {
            return Err("this panel sends no mail".into());
        };
        let message = inner.message(to, letter)?;
        match timeout(WITHIN, inner.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "the server did not take it within {} s",
                WITHIN.as_secs()
            )),
        }
    }

    /// Sends one message behind the caller's back, with two more tries. What is lost by a restart is asked for again by
    /// whoever waits for it.
    /// # Errors
    /// 429 when too many are on their way.
    pub fn post(&self, to: String, letter: Letter) -> Result<()> {
        let Some(inner) = self.0.load_full() else {
            return Ok(());
        };
        let Ok(place) = inner.room.clone().try_acquire_owned() else {
            metrics::counter!("warren_mails_total", "result" => "refused").increment(1);
            return Err(Error::TooMany {
                code: "busy",
                detail: "too many messages are on their way; try again in a minute".into(),
                retry_after_s: 60,
            });
        };
        if let Err(error) = inner.message(&to, &letter) {
            // Trying again would not mend it.
            metrics::counter!("warren_mails_total", "result" => "lost").increment(1);
            tracing::warn!(error, "a message can't be sent: {}", letter.subject);
            return Ok(());
        }
        let mailer = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let mut pauses = PAUSES.iter();
            loop {
                let Err(error) = mailer.send(&to, &letter).await else {
                    metrics::counter!("warren_mails_total", "result" => "sent").increment(1);
                    return;
                };
                let Some(pause) = pauses.next() else {
                    metrics::counter!("warren_mails_total", "result" => "lost").increment(1);
                    tracing::error!(error, "a message could not be sent: {}", letter.subject);
                    return;
                };
                tracing::warn!(error, "a message was not taken; it is tried again");
                tokio::time::sleep(pause.mul_f64(1.0 + rand::random::<f64>())).await;
            }
        });
        Ok(())
    }
}

impl Inner {
    fn message(&self, to: &str, letter: &Letter) -> Result<Message, String> {
        let to: lettre::Address = to.parse().map_err(|_| "this is no address".to_owned())?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|e| e.to_string())
    }
}
