//! Sends browsers to other providers and takes them back. Whatever goes wrong on the way back ends on a page of ours that
//! says so: nobody is left before a line of JSON.

use serde::{Deserialize, Serialize};
use serde_json::json;
use warren_entity::{linked_logins, users};
use warren_proto::ids::{LinkedLoginId, SessionId};

use super::{
    dto::{LinkBegin, LinkedLogin, SsoAway, SsoBegin, SsoProvider, SsoReturn},
    login, person,
    provider::{self, Provider, Secrets, Vouched},
    roles,
};
use crate::{
    account::{service::check_password, ways},
    app::App,
    audit::{Entry, still},
    auth::{Caller, Peer, SetCookie, offer, secret},
    db::Lane,
    error::{Error, Result},
    gate,
    http::Page,
    person as people,
    session::service::{Opening, refused},
    text::tame,
};

/// Kind of offers.
const AWAY: &str = "sso";

/// Why somebody who came back is not let in: a word for the page that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    UnknownAccount,
    AccountSuspended,
    Expired,
    ProviderUnreachable,
    Untrusted,
    EmailTaken,
    EmailUnverified,
    LinkedElsewhere,
    SecondFactorNeeded,
    TooManyLogins,
}

impl Refused {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown_account",
            Self::AccountSuspended => "account_suspended",
            Self::Expired => "expired",
            Self::ProviderUnreachable => "provider_unreachable",
            Self::Untrusted => "refused",
            Self::EmailTaken => "email_taken",
            Self::EmailUnverified => "email_unverified",
            Self::LinkedElsewhere => "linked_elsewhere",
            Self::SecondFactorNeeded => "second_factor_needed",
            Self::TooManyLogins => "too_many_logins",
        }
    }
}

/// A browser that is away.
#[derive(Serialize, Deserialize)]
struct Begun {
    provider: String,
    secrets: Secrets,
    /// Hash of the cookie that it took along.
    browser: String,
    /// Page to come back to.
    next: String,
    /// Log-in of somebody who connects their account.
    link: Option<SessionId>,
}

/// Where a browser goes that has come back, and with which cookies.
pub struct Back {
    /// A path of ours.
    pub to: String,
    /// Of the session, if one begins.
    pub session: Option<SetCookie>,
    /// The log-in that the browser took along has come to its end.
    pub ended: bool,
}

/// Those that are configured.
#[must_use]
pub fn providers(app: &App) -> Page<SsoProvider> {
    let shown = |provider: &Provider| SsoProvider {
        id: provider.id.clone(),
        name: provider.config.name.clone(),
    };
    Page::whole(app.door.sso.iter().map(shown).collect())
}

fn named<'a>(app: &'a App, id: &str) -> Result<&'a Provider> {
    let provider = app.door.sso.get(id);
    provider.ok_or_else(|| Error::not_found("provider of log-ins"))
}

/// Where the provider sends browsers back to: where this one is.
fn address(peer: &Peer, provider: &Provider) -> String {
    let (scheme, host) = (peer.scheme.as_str(), &peer.host);
    format!(
        "{scheme}://{host}/api/v1/session/sso/{}/callback",
        provider.id
    )
}

/// A page of ours, and not of anybody whose address only looks like one.
fn page(next: Option<&str>) -> Result<String> {
    let next = next.unwrap_or("/");
    let ours = next.starts_with('/')
        && !next[1..].starts_with(['/', '\\'])
        && next.len() <= 1024
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours {
        return Ok(next.to_owned());
    }
    let text = "is no page of this panel: it begins with one / and has at most 1024 characters";
    Err(Error::field("next", "invalid", text))
}

async fn away(
    app: &App,
    peer: &Peer,
    provider: &Provider,
    next: String,
    link: Option<SessionId>,
) -> Result<(SetCookie, SsoAway)> {
    let now_ms = app.clock.now_ms();
    let token = secret::session_token()?;
    let secrets = Secrets::new();
    let begun = Begun {
        provider: provider.id.clone(),
        secrets: secrets.clone(),
        browser: peer.scheme.hash(token.expose()),
        next,
        link,
    };
    let state = offer::make(app, AWAY, begun, now_ms)?;
    let url = provider
        .away(&address(peer, provider), state, &secrets, &app.clock)
        .await
        .map_err(|error| {
            tracing::warn!(provider = %provider.id, %error, "a provider of log-ins is of no use");
            let text = format!(
                "{} does not answer as it should; try again later",
                provider.config.name
            );
            Error::refused(502, "provider_unreachable", text)
        })?;
    let cookie = SetCookie::away(peer.scheme, token.expose(), offer::GOOD_MS / 1000)?;
    Ok((cookie, SsoAway { url }))
}

/// Begins a log-in.
/// # Errors
/// 404; 422 for a page that is not ours; 502 `provider_unreachable`.
pub async fn begin(
    app: &App,
    peer: &Peer,
    id: &str,
    req: &SsoBegin,
) -> Result<(SetCookie, SsoAway)> {
    let provider = named(app, id)?;
    away(app, peer, provider, page(req.next.as_deref())?, None).await
}

/// Begins to connect one's account.
/// # Errors
/// As [`begin`]; 422 for a wrong password, 429 after too many.
pub async fn link(app: &App, caller: &Caller, req: &LinkBegin) -> Result<(SetCookie, SsoAway)> {
    let provider = app.door.sso.get(&req.provider).ok_or_else(|| {
        Error::field(
            "provider",
            "unknown",
            "there is no provider of log-ins with this id",
        )
    })?;
    let session = caller.by_session()?;
    check_password(app, caller, &req.current_password, app.clock.now_ms()).await?;
    away(
        app,
        &caller.peer,
        provider,
        "/account".into(),
        Some(session),
    )
    .await
}

/// Takes a browser back. `token` is the cookie that it took along, `caller` whoever is logged in there.
/// # Errors
/// Database. What the provider or the person did wrong is a page.
pub async fn finish(
    app: &App,
    peer: &Peer,
    id: &str,
    token: Option<String>,
    caller: Option<Caller>,
    req: SsoReturn,
) -> Result<Back> {
    let now_ms = app.clock.now_ms();
    let page = |path: &str, why: Refused, ended: bool| Back {
        to: format!("{path}?sso={}", why.as_str()),
        session: None,
        ended,
    };
    let state = req.state.as_deref().unwrap_or_default();
    // A state that another browser took along would log this one in as somebody else.
    let browser = token.map(|token| peer.scheme.hash(&token));
    let begun = offer::open::<Begun>(app, AWAY, state, now_ms)
        .filter(|o| o.what.provider == id && Some(&o.what.browser) == browser.as_ref());
    let (Some(begun), Some(provider)) = (begun, app.door.sso.get(id)) else {
        // A page of somebody else must not end one that is under way.
        return Ok(page("/login", Refused::Expired, false));
    };
    let from = match begun.what.link {
        Some(_) => "/account",
        None => "/login",
    };
    let vouched = match vouched(app, provider, peer, &begun.what, req).await {
        Ok(vouched) => vouched,
        Err(why) => {
            note(app, peer, provider, None, why, now_ms).await?;
            return Ok(page(from, why, true));
        }
    };
    let ended = match begun.what.link {
        Some(session) => {
            let caller = caller.filter(|c| c.by_session().is_ok_and(|id| id == session));
            match caller {
                Some(caller) => connect(app, &caller, provider, &vouched, &begun, now_ms).await?,
                None => Err(Refused::Expired),
            }
        }
        None => let_in(app, peer, provider, &vouched, &begun, now_ms).await?,
    };
    Ok(match ended {
        Ok(session) => Back {
            to: begun.what.next,
            session,
            ended: true,
        },
        Err(why) => page(from, why, true),
    })
}

/// Writes down that somebody was not let in, whoever it was.
async fn note(
    app: &App,
    peer: &Peer,
    provider: &Provider,
    user: Option<&users::Model>,
    why: Refused,
    now_ms: i64,
) -> Result<()> {
    let wrong = format!("{}: {}", provider.id, why.as_str());
    // Strangers make as many as they like, and rows stay for ever: one a minute of each kind.
    let key = format!("sso:{wrong}:{}", user.map_or("", |user| &user.id));
    if !app.door.rates.is_news(&key, now_ms.saturating_mul(1000)) {
        return Ok(());
    }
    refused(app, peer, user, &wrong, now_ms).await
}

async fn vouched(
    app: &App,
    provider: &Provider,
    peer: &Peer,
    begun: &Begun,
    req: SsoReturn,
) -> std::result::Result<Vouched, Refused> {
    let bad = |why: &str| {
        tracing::warn!(provider = %provider.id, %why, "a log-in at another provider was refused");
        Refused::Untrusted
    };
    if let Some(error) = &req.error {
        return Err(bad(&tame(error, 128)));
    }
    let issuer = provider.config.issuer.trim_end_matches('/');
    if let Some(iss) = req.iss.filter(|iss| iss.trim_end_matches('/') != issuer) {
        return Err(bad(&format!("{} answered for it", tame(&iss, 128))));
    }
    let code = req.code.ok_or_else(|| bad("it came back without a code"))?;
    let back = address(peer, provider);
    let secrets = begun.secrets.clone();
    let vouched = provider.vouched(&back, code, secrets, &app.clock).await;
    vouched.map_err(|error| match error {
        provider::Error::Unreachable(why) => {
            tracing::warn!(provider = %provider.id, %why, "a provider of log-ins is of no use");
            Refused::ProviderUnreachable
        }
        provider::Error::Untrusted(why) => bad(&why),
    })
}

type Ended = std::result::Result<Option<SetCookie>, Refused>;

async fn let_in(
    app: &App,
    peer: &Peer,
    provider: &Provider,
    vouched: &Vouched,
    begun: &offer::Offer<Begun>,
    now_ms: i64,
) -> Result<Ended> {
    let tx = app.db.begin(Lane::People).await?;
    if !begun.take(&*tx).await? {
        return Ok(Err(Refused::Expired));
    }
    let found = person::find_or_make(&*tx, peer, provider, vouched, now_ms).await?;
    let (user, row) = match found {
        Ok(found) => found,
        Err(why) => {
            drop(tx);
            note(app, peer, provider, None, why, now_ms).await?;
            return Ok(Err(why));
        }
    };
    let why = if user.suspended_at_ms.is_some() {
        Some(Refused::AccountSuspended)
    } else if user.admin && row.by_address {
        // They became one since: whoever runs the provider would be an admin here.
        Some(Refused::EmailTaken)
    } else if user.second_factor && !provider.config.two_steps {
        Some(Refused::SecondFactorNeeded)
    } else {
        None
    };
    if let Some(why) = why {
        drop(tx);
        note(app, peer, provider, Some(&user), why, now_ms).await?;
        return Ok(Err(why));
    }
    if !login::used(&*tx, &row, provider, vouched, now_ms).await? {
        return Ok(Err(Refused::Expired));
    }
    let taken = roles::follow(&*tx, peer, provider, vouched, &row, now_ms).await?;
    // With the roles that it has from now on.
    let two_steps = provider.config.two_steps;
    let opening = Opening::of(&*tx, peer, &user, two_steps, now_ms).await?;
    let how = json!({"provider": provider.config.name});
    let Some(opened) = opening.keep(app, &*tx, Some(how), now_ms).await? else {
        return Ok(Err(Refused::Expired));
    };
    if taken {
        gate::end_people(&*tx, [user.id.clone()], now_ms).await?;
    }
    tx.commit().await?;
    if taken {
        app.nudges.revoked();
    }
    Ok(Ok(Some(opened.done(app))))
}

async fn connect(
    app: &App,
    caller: &Caller,
    provider: &Provider,
    vouched: &Vouched,
    begun: &offer::Offer<Begun>,
    now_ms: i64,
) -> Result<Ended> {
    let tx = app.db.begin(Lane::People).await?;
    let Some(user) = people::service::lock(&*tx, caller.actor.user).await? else {
        return Ok(Err(Refused::Expired));
    };
    match still(&*tx, caller, now_ms).await {
        Ok(()) => {}
        Err(Error::Unauthenticated { .. } | Error::Forbidden { .. }) => {
            return Ok(Err(Refused::Expired));
        }
        Err(error) => return Err(error),
    }
    if !begun.take(&*tx).await? {
        return Ok(Err(Refused::Expired));
    }
    let row = match login::find(&*tx, &vouched.issuer, &vouched.subject).await? {
        Some(row) if row.user_id == user.id => {
            login::confirm(&*tx, &row.id).await?;
            row
        }
        Some(_) => return Ok(Err(Refused::LinkedElsewhere)),
        None if login::count(&*tx, &user.id).await? >= login::MOST => {
            return Ok(Err(Refused::TooManyLogins));
        }
        None => match login::connect(&*tx, provider, vouched, &user.id, false, now_ms).await? {
            Some(row) => row,
            None => return Ok(Err(Refused::LinkedElsewhere)),
        },
    };
    // What its words give counts from the next log-in with it on: a change of rights of one's own begins with a log-in.
    Entry::word("account.login.create", "user", &user.id)
        .with(json!({"provider": provider.config.name, "name": row.name}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(Ok(None))
}

/// One's own, the newest first.
/// # Errors
/// Database.
pub async fn list(app: &App, caller: &Caller) -> Result<Page<LinkedLogin>> {
    let rows = login::of(app.db.read(), &caller.user.id).await?;
    let shown = |row: linked_logins::Model| {
        let known = app.door.sso.get(&row.provider);
        let name = known.map_or_else(|| row.provider.clone(), |p| p.config.name.clone());
        LinkedLogin::of(row, name)
    };
    Ok(Page::whole(rows.into_iter().map(shown).collect()))
}

/// Lets go of one, with the roles that came with it.
/// # Errors
/// 404; 409 `last_way_in` for the only way in to an account without a password.
pub async fn unlink(app: &App, caller: &Caller, id: LinkedLoginId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let user = people::service::named(&*tx, "user", caller.actor.user).await?;
    still(&*tx, caller, now_ms).await?;
    let row = login::of(&*tx, &user.id).await?;
    let row = row
        .into_iter()
        .find(|row| row.id == id.to_string())
        .ok_or_else(|| Error::not_found("connected log-in"))?;
    ways::another(&*tx, &user).await?;
    // Before the roles go: what the request began with is asked for once more.
    Entry::word("account.login.delete", "user", &user.id)
        .with(json!({"provider": row.provider, "name": row.name}))
        .by(&*tx, caller, now_ms)
        .await?;
    let taken = roles::drop_all(&*tx, &caller.peer, &row, now_ms).await?;
    login::remove(&*tx, &row.id).await?;
    if taken {
        gate::end_people(&*tx, [user.id.clone()], now_ms).await?;
    }
    tx.commit().await?;
    if taken {
        app.nudges.revoked();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn only_pages_of_ours_are_gone_back_to() {
        for good in [None, Some("/"), Some("/servers?x=1#y")] {
            assert!(page(good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "servers",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "/a\\b",
            "/ä",
        ] {
            assert!(page(Some(bad)).is_err(), "{bad:?}");
        }
    }
}
