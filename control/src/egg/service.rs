//! Import, list, move, export, remove.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::json;
use std::collections::HashSet;
use warren_egg::{Report, Variable};
use warren_entity::{egg_variables, eggs, servers};
use warren_proto::ids::{EggId, NestId};

use super::{
    dto::{
        Egg, EggImported, EggPatch, EggQuery, EggSummary, ImportQuery, ImportReport, OddThing,
        Starter,
    },
    view,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, FieldError, Fields, Result},
    http::{Page, PageQuery},
    nest, outbox,
    text::tame,
};

/// Where an egg came from.
enum Source<'a> {
    File,
    Starter(&'a str),
}

/// Eggs, the newest first.
/// # Errors
/// Database; a bad cursor or nest.
pub async fn list(app: &App, query: EggQuery) -> Result<Page<EggSummary>> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let limit = page.limit()?;
    let nest = query.nest.as_deref().map(|nest| match nest {
        "none" => Ok(eggs::Column::NestId.is_null()),
        id => id.parse::<NestId>().map_or_else(
            |_| {
                Err(Error::field(
                    "nest",
                    "invalid",
                    "is the id of a nest, or `none`",
                ))
            },
            |id| Ok(eggs::Column::NestId.eq(id.to_string())),
        ),
    });
    let mut query = eggs::Entity::find()
        .filter(eggs::Column::DeletedAtMs.is_null())
        .order_by_desc(eggs::Column::Id)
        .limit(limit + 1);
    if let Some(nest) = nest.transpose()? {
        query = query.filter(nest);
    }
    if let Some(after) = page.after()? {
        query = query.filter(eggs::Column::Id.lt(after));
    }
    let rows = query.all(app.db.read()).await?;
    let page = Page::cut(rows, limit, |row| row.id.clone());
    let ids: Vec<String> = page.items.iter().map(|row| row.id.clone()).collect();
    let uses = view::uses(app.db.read(), &ids).await?;
    let nests: HashSet<String> = page
        .items
        .iter()
        .filter_map(|row| row.nest_id.clone())
        .collect();
    let nests = nest::service::names(app.db.read(), nests).await?;
    Ok(page.map(|row| {
        let servers = uses.get(&row.id).copied().unwrap_or_default();
        view::summary(&row, servers, &nests)
    }))
}

async fn row(app: &App, id: EggId) -> Result<eggs::Model> {
    eggs::Entity::find_by_id(id.to_string())
        .filter(eggs::Column::DeletedAtMs.is_null())
        .one(app.db.read())
        .await?
        .ok_or_else(|| Error::not_found("egg"))
}

/// One egg.
/// # Errors
/// 404.
pub async fn get(app: &App, id: EggId) -> Result<Egg> {
    let row = row(app, id).await?;
    view::whole(app.db.read(), &row).await
}

/// Takes an egg file in.
/// # Errors
/// 422 `egg_refused` says where the file is wrong; 422 for an unknown nest.
pub async fn import(
    app: &App,
    caller: &Caller,
    file: &[u8],
    how: ImportQuery,
) -> Result<EggImported> {
    store(app, caller, file, how, Source::File).await
}

/// Takes an egg in that comes with Warren; again, it gives another copy.
/// # Errors
/// 404 for an unknown key; 422 for an unknown nest.
pub async fn import_starter(
    app: &App,
    caller: &Caller,
    key: &str,
    nest: Option<String>,
) -> Result<EggImported> {
    let starter = warren_egg::starter(key).ok_or_else(|| Error::not_found("starter"))?;
    let how = ImportQuery { name: None, nest };
    let source = Source::Starter(starter.key);
    store(app, caller, starter.text.as_bytes(), how, source).await
}

async fn store(
    app: &App,
    caller: &Caller,
    file: &[u8],
    ImportQuery { name, nest }: ImportQuery,
    source: Source<'_>,
) -> Result<EggImported> {
    let (mut egg, report) = warren_egg::parse(file).map_err(refused)?;
    if let Some(name) = name {
        let mut fields = Fields::new();
        egg.name = fields.line("name", &name, 100);
        fields.finish()?;
    }
    // PostgreSQL holds no NUL in text; parse has made sure that the rest is UTF-8.
    let raw = String::from_utf8_lossy(file).replace('\0', "");
    let mut odd = odd(&report);
    let variables = one_of_each(&egg.variables, &mut odd);
    let id = EggId::new().to_string();
    let now_ms = app.clock.now_ms();
    let (source, starter) = match source {
        Source::File => ("import", None),
        Source::Starter(key) => ("starter", Some(key.to_owned())),
    };
    let images: Vec<_> = egg
        .images
        .iter()
        .map(|i| json!({"label": i.label, "image": i.image}))
        .collect();
    let document = serde_json::to_value(&egg).map_err(Error::internal)?;
    let nest = nest.filter(|id| !id.is_empty());
    let model = eggs::ActiveModel {
        id: Set(id.clone()),
        nest_id: Set(nest.clone()),
        name: Set(tame(&egg.name, 200)),
        author: Set(tame(&egg.author, 200)),
        description: Set(egg.description.replace('\0', "")),
        icon: Set(egg.icon.clone().filter(|i| is_picture(i))),
        tags: Set(json!(egg.tags)),
        images: Set(json!(images)),
        source: Set(source.to_owned()),
        starter_key: Set(starter),
        document: Set(clean(document)),
        report: Set(serde_json::to_value(&odd).map_err(Error::internal)?),
        raw: Set(raw),
        format: Set(report.format.name().to_owned()),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        deleted_at_ms: Set(None),
    };
    let rows = variables
        .into_iter()
        .enumerate()
        .map(|(n, v)| egg_variables::ActiveModel {
            egg_id: Set(id.clone()),
            env: Set(v.env.clone()),
            position: Set(i32::try_from(n).unwrap_or(i32::MAX)),
            name: Set(tame(&v.name, 200)),
            description: Set(v.description.replace('\0', "")),
            default_value: Set(v.default.replace('\0', "")),
            user_viewable: Set(v.user_viewable),
            user_editable: Set(v.user_editable),
            rules: Set(json!(v.rules)),
        });
    let rows: Vec<_> = rows.collect();
    let tx = app.db.begin(Lane::People).await?;
    if let Some(nest) = &nest {
        nest::service::named(&*tx, nest).await?;
    }
    eggs::Entity::insert(model)
        .exec_without_returning(&*tx)
        .await?;
    // 9 columns a row: far below SQLite's 32766 parameters for as many as an egg may have, cut all the same.
    for part in rows.chunks(1000) {
        egg_variables::Entity::insert_many(part.iter().cloned())
            .exec_without_returning(&*tx)
            .await?;
    }
    Entry::of(Key::EggCreate, "egg", &id)
        .with(json!({"name": egg.name, "source": source, "nest": nest}))
        .by(&*tx, caller, now_ms)
        .await?;
    let row = eggs::Entity::find_by_id(&id)
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("egg"))?;
    let egg = view::whole(&*tx, &row).await?;
    tx.commit().await?;
    Ok(EggImported {
        egg,
        report: ImportReport {
            format: row.format,
            odd,
        },
    })
}

fn refused(error: warren_egg::EggError) -> Error {
    Error::Document {
        code: "egg_refused",
        detail: error.to_string(),
        errors: vec![FieldError {
            field: error.field,
            code: error.code.to_owned(),
            message: error.message,
        }],
    }
}

fn odd(report: &Report) -> Vec<OddThing> {
    let thing = |odd: &warren_egg::Odd| OddThing {
        code: odd.code.to_owned(),
        field: odd.field.clone(),
        message: odd.message.clone(),
    };
    report.odd.iter().map(thing).collect()
}

/// Four published eggs name a variable twice; in a container only one value can stand. The last one wins, as
/// it would in a shell.
fn one_of_each<'a>(variables: &'a [Variable], odd: &mut Vec<OddThing>) -> Vec<&'a Variable> {
    let mut seen = HashSet::new();
    let mut kept: Vec<&Variable> = variables
        .iter()
        .rev()
        .filter(|v| seen.insert(v.env.as_str()))
        .collect();
    kept.reverse();
    if kept.len() < variables.len() && !odd.iter().any(|o| o.code == "duplicate_variable") {
        odd.push(OddThing {
            code: "duplicate_variable".into(),
            field: "variables".into(),
            message: "some variables stand there twice; the last of each is taken".into(),
        });
    }
    kept
}

/// What an `img` may show without asking a stranger: pictures in the file itself.
fn is_picture(icon: &str) -> bool {
    ["png", "jpeg", "gif", "webp", "svg+xml"]
        .iter()
        .any(|kind| icon.starts_with(&format!("data:image/{kind};base64,")))
        && icon.len() <= 512 * 1024
}

/// Without NUL, which PostgreSQL's JSONB can't hold.
fn clean(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) if text.contains('\0') => Value::String(text.replace('\0', "")),
        // As deep as the parser lets a file be.
        Value::Array(list) => list.into_iter().map(clean).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key.replace('\0', ""), clean(value)))
            .collect(),
        other => other,
    }
}

/// What comes with Warren.
/// # Errors
/// Database.
pub async fn starters(app: &App) -> Result<Page<Starter>> {
    let imported: Vec<(Option<String>, String)> = eggs::Entity::find()
        .filter(eggs::Column::DeletedAtMs.is_null())
        .filter(eggs::Column::StarterKey.is_not_null())
        .order_by_asc(eggs::Column::Id)
        .select_only()
        .column(eggs::Column::StarterKey)
        .column(eggs::Column::Id)
        .into_tuple()
        .all(app.db.read())
        .await?;
    let view = |starter: &warren_egg::Starter| {
        let (egg, _) = warren_egg::parse(starter.text.as_bytes()).ok()?;
        let mine = imported
            .iter()
            .find(|(key, _)| key.as_deref() == Some(starter.key));
        Some(Starter {
            key: starter.key.to_owned(),
            name: egg.name,
            description: egg.description,
            licence: starter.licence.to_owned(),
            source: format!("https://github.com/{} {}", starter.repository, starter.path),
            egg: mine.map(|(_, id)| id.clone()),
        })
    };
    Ok(Page::whole(
        warren_egg::starters().iter().filter_map(view).collect(),
    ))
}

/// PTDL v2.
/// # Errors
/// 404.
pub async fn export(app: &App, id: EggId) -> Result<String> {
    let row = row(app, id).await?;
    let mut egg = view::document(&row)?;
    egg.name = row.name;
    Ok(warren_egg::export(
        &egg,
        &outbox::rfc3339(app.clock.now_ms()),
    ))
}

/// Moves an egg to another nest, or out of any.
/// # Errors
/// 404; 422 for an unknown nest.
pub async fn update(app: &App, caller: &Caller, id: EggId, req: EggPatch) -> Result<Egg> {
    let now_ms = app.clock.now_ms();
    let id = id.to_string();
    let tx = app.db.begin(Lane::People).await?;
    let to = match req.nest.as_deref().map(str::trim) {
        None => None,
        Some("") => Some(None),
        // Before the egg, as whoever removes a nest takes them.
        Some(nest) => Some(Some(nest::service::named(&*tx, nest).await?.id)),
    };
    let mut row = eggs::Entity::find_by_id(&id)
        .filter(eggs::Column::DeletedAtMs.is_null())
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("egg"))?;
    if let Some(to) = to.filter(|to| *to != row.nest_id) {
        eggs::Entity::update_many()
            .col_expr(eggs::Column::NestId, Expr::value(to.clone()))
            .col_expr(eggs::Column::UpdatedAtMs, Expr::value(now_ms))
            .filter(eggs::Column::Id.eq(&id))
            .exec(&*tx)
            .await?;
        Entry::of(Key::EggUpdate, "egg", &id)
            .with(json!({"nest": {"from": row.nest_id, "to": to}}))
            .by(&*tx, caller, now_ms)
            .await?;
        row.nest_id = to;
    }
    let egg = view::whole(&*tx, &row).await?;
    tx.commit().await?;
    Ok(egg)
}

/// Removes an egg that no server uses.
/// # Errors
/// 404; 409 `egg_in_use`.
pub async fn delete(app: &App, caller: &Caller, id: EggId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let id = id.to_string();
    let tx = app.db.begin(Lane::People).await?;
    // Locked, as a server that is being made locks it too: one of the two sees the other.
    let row = eggs::Entity::find_by_id(&id)
        .filter(eggs::Column::DeletedAtMs.is_null())
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("egg"))?;
    let user: Option<String> = servers::Entity::find()
        .filter(servers::Column::EggId.eq(&id))
        .filter(servers::Column::DeletedAtMs.is_null())
        .select_only()
        .column(servers::Column::Name)
        .into_tuple()
        .one(&*tx)
        .await?;
    if let Some(server) = user {
        return Err(Error::conflict(
            "egg_in_use",
            format!("server {server:?} is made of it; delete its servers first"),
        ));
    }
    eggs::Entity::update_many()
        .col_expr(eggs::Column::DeletedAtMs, Expr::value(now_ms))
        .filter(eggs::Column::Id.eq(&id))
        .exec(&*tx)
        .await?;
    Entry::of(Key::EggDelete, "egg", &id)
        .with(json!({"name": row.name}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_in_the_file_itself_are_icons() {
        assert!(is_picture("data:image/png;base64,AAAA"));
        assert!(!is_picture("https://tracker.example/a.png"));
        assert!(!is_picture("javascript:alert(1)"));
        assert!(!is_picture("data:text/html;base64,AAAA"));
    }
}
