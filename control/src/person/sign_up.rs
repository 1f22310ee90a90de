//! Accounts that people ask for themselves, where the panel lets them. Who asks learns nothing of who has an account: the
//! answer is in the mail.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde_json::json;
use warren_entity::{password_links, users};

use super::{dto::SignUp, newcomer};
use crate::{
    access::load,
    account::{
        first_run,
        service::{check_email, check_username},
    },
    app::App,
    audit::Entry,
    auth::{Network, Peer, password::NO_PASSWORD},
    db::Lane,
    error::{Error, Fields, Result},
    mail,
    password_link::service as link,
};

/// How long the link is good.
const LIFE_MS: i64 = 24 * 3600 * 1000;
/// Links that one account may have at one time.
const MOST: u64 = 3;
/// Counted like wrong passwords, but apart from them.
const COUNTED: &str = "\u{0}sign-up:";

/// Sends a link to the address that somebody says is theirs. The caller hears nothing of it and does not wait.
/// # Errors
/// 409 `sign_up_closed`, 422, 429 after too many.
pub fn ask(app: &App, peer: &Peer, req: &SignUp) -> Result<()> {
    let panel = app.panel.now();
    if !panel.sign_up || !app.mail.is_on() {
        let text = "nobody makes an account here by themselves; ask whoever runs this panel";
        return Err(Error::conflict("sign_up_closed", text));
    }
    let mut fields = Fields::new();
    let (username, email) = (req.username.trim(), req.email.trim());
    check_username(&mut fields, "username", username);
    check_email(&mut fields, "email", email);
    let domain = email.rsplit('@').next().unwrap_or_default().to_lowercase();
    let lets_in = panel.sign_up_domains.is_empty() || panel.sign_up_domains.contains(&domain);
    if fields.is_good() && !lets_in {
        let text = format!(
            "is none of those that may have an account here: {}",
            panel.sign_up_domains.join(", ")
        );
        fields.refuse("email", "domain", text);
    }
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let network = Network::of(peer.address);
    let account = format!("{COUNTED}{}", email.to_lowercase());
    app.door.attempts.take(&account, network, true, now_ms)?;
    let (app, peer) = (app.clone(), peer.clone());
    let (username, email) = (username.to_owned(), email.to_owned());
    tokio::spawn(async move {
        if let Err(error) = send(&app, &peer, &username, &email, now_ms).await {
            tracing::warn!(%error, "nobody was written to who asked for an account");
        }
    });
    Ok(())
}

async fn send(app: &App, peer: &Peer, username: &str, email: &str, now_ms: i64) -> Result<()> {
    let address = peer.address.to_string();
    let tx = app.db.begin(Lane::People).await?;
    let have = users::Entity::find()
        .filter(users::Column::EmailFolded.eq(email.to_lowercase()))
        .filter(load::active())
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let user = match have {
        Some(user) if user.password_hash == NO_PASSWORD && !user.email_verified => user,
        Some(user) => {
            app.door
                .attempts
                .take_mail(&peer_text(peer), email, now_ms)?;
            let letter = mail::to(app, &*tx, &user).await?;
            let letter = letter.there(&address, &first_run::url(app));
            return app.mail.post(user.email, letter);
        }
        None => {
            let made = newcomer::make(&*tx, username, email, false, now_ms).await?;
            let Ok(user) = made else { return Ok(()) };
            Entry::word("person.sign_up", "user", &user.id)
                .with(json!({"username": user.username, "email": user.email}))
                .by_nobody(&*tx, peer, now_ms)
                .await?;
            user
        }
    };
    let links = password_links::Entity::find()
        .filter(password_links::Column::UserId.eq(&*user.id))
        .filter(password_links::Column::ExpiresAtMs.gt(now_ms))
        .count(&*tx)
        .await?;
    if links >= MOST {
        return Ok(());
    }
    app.door
        .attempts
        .take_mail(&peer_text(peer), email, now_ms)?;
    let link = link::make(app, &*tx, &user.id, LIFE_MS, now_ms).await?;
    let letter = mail::to(app, &*tx, &user).await?.welcome(&address, &link);
    // Without the mail nobody could come in: no room for it, no account.
    app.mail.post(user.email, letter)?;
    tx.commit().await?;
    Ok(())
}

/// Whom mail is counted under that nobody logged in sends.
fn peer_text(peer: &Peer) -> String {
    format!("{COUNTED}{}", peer.address)
}
