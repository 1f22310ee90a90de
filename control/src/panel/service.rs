//! Reads and changes the panel's settings.

use std::time::Instant;

use reqwest::Url;
use serde_json::json;

use super::{
    dto::{MailServer, MailSettings, MailTest, MailTested, PanelFront, PanelSet, PanelSettings},
    live::Now,
    store::{self, Chosen, Kept},
    upload,
};
use crate::{
    access::Key,
    account::service::{check_email, check_password},
    app::{App, Ground},
    audit::Entry,
    auth::{Caller, Network},
    config,
    db::Lane,
    error::{Error, Fields, Result},
    http::{IfMatch, Stamp, Version, later},
    mail::{self, Mailer},
    text::tame,
};

const MOST_DOMAINS: usize = 32;
/// Counted like wrong passwords, but apart from them: a test reaches out to a host of the caller's choice.
const COUNTED: &str = "\u{0}mail-test:";
/// Of what a mail server says.
const MOST_WORDS: usize = 400;

/// What the log-in page shows.
#[must_use]
pub fn front(app: &App) -> PanelFront {
    let now = app.panel.now();
    PanelFront {
        name: now.name.clone(),
        accent: now.accent.clone(),
        language: now.language,
        sign_up: now.sign_up && app.mail.is_on(),
        mail: app.mail.is_on(),
    }
}

/// Without the credentials that stand in it.
fn server(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url.to_string())
}

fn shown(ground: &Ground, kept: &Kept) -> PanelSettings {
    let now = Now::of(&ground.config, kept);
    let on = !now.mail.url.expose().is_empty();
    PanelSettings {
        version: Version::at(kept.at_ms),
        mail: MailSettings {
            on,
            server: on.then(|| server(now.mail.url.expose())).flatten(),
            from: on.then(|| now.mail.from.clone()),
            set_here: kept.mail_url.is_some(),
        },
        name: now.name,
        accent: now.accent,
        language: now.language,
        sign_up: now.sign_up,
        sign_up_domains: now.sign_up_domains,
        second_factor_of: now.second_factor_of,
        second_factor_set_here: kept.chosen.second_factor_of.is_some(),
        invite_by_sharing: now.invite_by_sharing,
        invite_by_sharing_set_here: kept.chosen.invite_by_sharing.is_some(),
        session_days: now.session_days,
        upload_bytes: now.upload_bytes,
        updated_at: (kept.at_ms > 0).then_some(Stamp(kept.at_ms)),
    }
}

/// What is set.
/// # Errors
/// Database.
pub async fn get(ground: &Ground) -> Result<PanelSettings> {
    let kept = store::read(ground.db.read(), &ground.keys.sealer).await?;
    Ok(shown(ground, &kept))
}

fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The server that is meant: one without an address is the one that holds, from whoever is said now.
fn mail_server(fields: &mut Fields, app: &App, asked: &MailServer) -> config::Mail {
    let from = fields.line("mail.from", &asked.from, 254);
    let url = match &asked.url {
        Some(url) => url.trim().to_owned(),
        None => app.panel.now().mail.url.expose().to_owned(),
    };
    if url.is_empty() {
        fields.refuse("mail.url", "required", "is the address of the mail server");
    }
    let made = config::Mail {
        url: url.into(),
        from,
    };
    if fields.is_good() {
        match mail::usable(&made, &app.config.public_url) {
            Err(config::Error::Value { key, problem }) => {
                let field = match key {
                    "mail.url" | "mail.from" => key,
                    _ => "mail",
                };
                let problem = match key {
                    "public_url" => {
                        format!("control's configuration lacks `public_url`, which {problem}")
                    }
                    _ => problem,
                };
                fields.refuse(field, "invalid", problem);
            }
            Err(error) => fields.refuse("mail", "invalid", error.to_string()),
            Ok(()) => {}
        }
    }
    made
}

fn read(app: &App, req: PanelSet) -> Result<(Chosen, Option<String>)> {
    let mut fields = Fields::new();
    let name = req.name.as_ref();
    let name = name.map(|name| fields.line("name", name, 40));
    let accent = req.accent.map(|text| text.trim().to_ascii_lowercase());
    if let Some(accent) = &accent {
        let text = "is no colour like #4f7cff";
        fields.check(is_colour(accent), "accent", "invalid", text);
    }
    let fits = req.sign_up_domains.len() <= MOST_DOMAINS;
    let text = format!("holds at most {MOST_DOMAINS}");
    fields.check(fits, "sign_up_domains", "out_of_range", text);
    let domains = req.sign_up_domains.iter().take(MOST_DOMAINS);
    let domains: Vec<String> = domains
        .map(|text| text.trim().trim_start_matches('@').to_lowercase())
        .collect();
    for (at, domain) in domains.iter().enumerate() {
        let field = format!("sign_up_domains.{at}");
        fields.check(
            is_domain(domain),
            &field,
            "invalid",
            "is no domain like example.net",
        );
    }
    if let Some(days) = req.session_days {
        let text = "is a number of days from 1 to 90";
        fields.check(
            (1..=90).contains(&days),
            "session_days",
            "out_of_range",
            text,
        );
    }
    upload::check(&mut fields, "upload_bytes", req.upload_bytes);
    let mail = req.mail.as_ref();
    let mail = mail.map(|mail| mail_server(&mut fields, app, mail));
    let sends = mail.is_some() || !app.config.mail.url.expose().is_empty();
    if req.sign_up && !sends {
        let text = "takes mail, or nobody could show that an address is theirs";
        fields.refuse("sign_up", "mail_off", text);
    }
    fields.finish()?;
    let chosen = Chosen {
        name,
        accent,
        language: req.language,
        sign_up: req.sign_up,
        sign_up_domains: domains,
        second_factor_of: req.second_factor_of,
        invite_by_sharing: req.invite_by_sharing,
        session_days: req.session_days,
        upload_bytes: req.upload_bytes,
        mail_from: mail.as_ref().map(|mail| mail.from.clone()),
    };
    Ok((chosen, mail.map(|mail| mail.url.expose().to_owned())))
}

/// Sets all of it anew. It holds here at once, and at other controls within seconds.
/// # Errors
/// 409 `changed_meanwhile`; 422 for a field that can't be, a missing or a wrong password; 429 after too many wrong ones.
pub async fn set(
    app: &App,
    caller: &Caller,
    if_match: &IfMatch,
    req: PanelSet,
) -> Result<PanelSettings> {
    let password = req.current_password.clone();
    let (chosen, mail_url) = read(app, req)?;
    let now_ms = app.clock.now_ms();
    let kept = store::read(app.db.read(), &app.keys.sealer).await?;
    if mail_url != kept.mail_url || chosen.mail_from != kept.chosen.mail_from {
        caller.by_session()?;
        let Some(typed) = &password else {
            let text = "is needed for another mail server";
            return Err(Error::field("current_password", "required", text));
        };
        check_password(app, caller, typed, now_ms).await?;
    }
    let tx = app.db.begin(Lane::People).await?;
    let sealer = &app.keys.sealer;
    let before = store::read(&*tx, sealer).await?;
    if_match.check(&Version::at(before.at_ms))?;
    if before.at_ms != kept.at_ms {
        let text = "somebody else changed the settings at the same moment; look again";
        return Err(Error::conflict("changed_meanwhile", text));
    }
    let kept = Kept {
        chosen,
        mail_url,
        // Another control sees a change by it.
        at_ms: later(before.at_ms, now_ms),
    };
    let (had, has) = (shown(app, &before), shown(app, &kept));
    let mut diff = changed(&had, &has)?;
    if before.mail_url != kept.mail_url && had.mail.server == has.mail.server {
        // What logs in to it is never written down.
        diff.insert("mail_credentials".into(), json!("changed"));
    }
    store::write(&*tx, sealer, &kept).await?;
    Entry::of(Key::PanelUpdate, "panel", "")
        .with(diff.into())
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    app.panel.set(&app.mail, Now::of(&app.config, &kept));
    if had.second_factor_of != has.second_factor_of {
        // Who has no second step keeps nothing open that needs one now.
        app.nudges.revoked();
    }
    Ok(has)
}

fn changed(
    before: &PanelSettings,
    after: &PanelSettings,
) -> Result<serde_json::Map<String, serde_json::Value>> {
    let read = |settings: &PanelSettings| serde_json::to_value(settings).map_err(Error::internal);
    let (before, after) = (read(before)?, read(after)?);
    let mut diff = serde_json::Map::new();
    for (name, to) in after.as_object().into_iter().flatten() {
        let from = before.get(name).cloned().unwrap_or_default();
        if !matches!(&**name, "updated_at" | "version") && from != *to {
            diff.insert(name.clone(), json!({"from": from, "to": to}));
        }
    }
    Ok(diff)
}

/// Sends one message and waits for the server's word.
/// # Errors
/// 409 `mail_off`; 422; 429 after too many; 502 `mail_refused` with what the server said.
pub async fn test_mail(app: &App, caller: &Caller, req: MailTest) -> Result<MailTested> {
    let mut fields = Fields::new();
    let to = req.to.as_deref().unwrap_or(&caller.user.email).trim();
    check_email(&mut fields, "to", to);
    let asked = req.mail.as_ref();
    let asked = asked.map(|mail| mail_server(&mut fields, app, mail));
    fields.finish()?;
    let mailer = match &asked {
        Some(mail) => Mailer::of(mail),
        None => app.mail.clone(),
    };
    mailer.require()?;
    let now_ms = app.clock.now_ms();
    let account = format!("{COUNTED}{}", caller.user.id);
    let network = Network::of(caller.peer.address);
    app.door.attempts.take(&account, network, true, now_ms)?;
    let letter = mail::to(app, app.db.read(), &caller.user).await?.test();
    let begun = Instant::now();
    let sent = mailer.send(to, &letter).await;
    let tx = app.db.begin(Lane::People).await?;
    Entry::word("panel.mail_test", "panel", "")
        .with(json!({"to": to, "taken": sent.is_ok()}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    sent.map_err(|why| Error::Agent {
        code: "mail_refused".into(),
        message: format!("no mail was sent: {}", tame(&why, MOST_WORDS)),
        retryable: true,
    })?;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(MailTested {
        to: to.to_owned(),
        took_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::{is_colour, is_domain, server};

    #[test]
    fn domains_and_colours_are_told_from_what_is_none() {
        assert!(is_domain("mail.example.net"));
        for bad in [
            "",
            "localhost",
            "a..b",
            "exa mple.net",
            "Example.net",
            "ex@mple.net",
        ] {
            assert!(!is_domain(bad), "{bad}");
        }
        assert!(is_colour("#4f7cff"));
        for bad in ["", "4f7cff", "#4f7cf", "#4f7cfg", "red", "#4f7cff;}"] {
            assert!(!is_colour(bad), "{bad}");
        }
    }

    #[test]
    fn what_logs_in_to_a_mail_server_is_not_shown() {
        let shown = server("smtp://panel:hunter2@mail.example.net:587?tls=required");
        assert_eq!(
            shown.as_deref(),
            Some("smtp://mail.example.net:587?tls=required")
        );
    }
}
