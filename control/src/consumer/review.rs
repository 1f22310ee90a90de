//! Whether those who made event credentials may still see what these show. A credential is a signed list of
//! servers that can't be narrowed once it is out: when one of them must not be seen any more, it ends as a whole.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QuerySelect,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use warren_entity::{api_keys, audit_log, event_consumers, servers, users};
use warren_proto::ids::{ApiKeyId, ServerId, SessionId};

use super::revoke;
use crate::{
    access::{
        Grant, Key, KeySet, Resource, Via,
        load::{self, ServerKey},
        may,
    },
    app::{App, Ground},
    db::Lane,
    text::fresh_id,
};

/// Looked at without a nudge too, for what was changed behind our back.
const AGAIN: Duration = Duration::from_secs(30);
/// Ids in one question.
const SOME: usize = 1000;

/// Reviews when rights were taken away, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.nudges.rights_due() => {}
            () = tokio::time::sleep(AGAIN) => {}
        }
        if let Err(error) = review(&app).await {
            tracing::warn!(%error, "event consumers were not judged again; it is tried in 30 s");
        }
    }
}

/// Ends every credential whose maker has lost the right to one of its servers, or the key it was made with. Says
/// how many.
/// # Errors
/// Database.
pub async fn review(app: &App) -> Result<usize, DbErr> {
    let now_ms = app.clock.now_ms();
    let unexpired = Condition::any()
        .add(event_consumers::Column::ExpiresAtMs.is_null())
        .add(event_consumers::Column::ExpiresAtMs.gt(now_ms));
    let rows = event_consumers::Entity::find()
        .filter(event_consumers::Column::RevokedAtMs.is_null())
        .filter(event_consumers::Column::CreatedBy.is_not_null())
        .filter(unexpired)
        .all(app.db.read())
        .await?;
    let mut ended = 0;
    for some in rows.chunks(SOME) {
        let known = Known::load(app, some, now_ms).await?;
        for row in some {
            if known.judge(row).is_ok() {
                continue;
            }
            // What was read may be from before and after a change at once, which gives a right in another place than it
            // takes it from. Nothing is ended on one look.
            let again = Known::load(app, std::slice::from_ref(row), now_ms).await?;
            let Err(because) = again.judge(row) else {
                continue;
            };
            let Ok(id) = row.id.parse() else { continue };
            if revoke(app, id).await? {
                note(app, row, because, now_ms).await?;
                ended += 1;
            }
        }
    }
    Ok(ended)
}

/// What judging some consumers needs to know.
struct Known {
    people: HashMap<String, users::Model>,
    /// With what they were made for, unless that is all.
    keys: HashMap<String, Option<KeySet>>,
    servers: HashMap<String, Resource>,
    grants: HashMap<String, Vec<Grant>>,
    shares: HashMap<(String, String), KeySet>,
}

impl Known {
    async fn load(
        ground: &Ground,
        rows: &[event_consumers::Model],
        now_ms: i64,
    ) -> Result<Self, DbErr> {
        let people = users::Entity::find()
            .filter(users::Column::Id.is_in(rows.iter().filter_map(|r| r.created_by.clone())))
            .filter(load::active())
            .all(ground.db.read())
            .await?;
        let unexpired = Condition::any()
            .add(api_keys::Column::ExpiresAtMs.is_null())
            .add(api_keys::Column::ExpiresAtMs.gt(now_ms));
        let keys: Vec<(String, Option<serde_json::Value>)> = api_keys::Entity::find()
            .filter(api_keys::Column::Id.is_in(rows.iter().filter_map(|r| r.api_key_id.clone())))
            .filter(api_keys::Column::RevokedAtMs.is_null())
            .filter(unexpired)
            .select_only()
            .columns([api_keys::Column::Id, api_keys::Column::Keys])
            .into_tuple()
            .all(ground.db.read())
            .await?;
        let scope = |keys: Option<serde_json::Value>| keys.as_ref().map(KeySet::stored);
        let keys = keys.into_iter().map(|(id, keys)| (id, scope(keys)));
        let ids: HashSet<String> = rows.iter().flat_map(named).collect();
        let some_are = |is: fn(&users::Model) -> bool| -> Vec<String> {
            let those = people.iter().filter(|u| is(u));
            those.map(|u| u.id.clone()).collect()
        };
        let grants = load::grants_of(
            ground.db.read(),
            some_are(|u| u.granted),
            load::Which::Counting,
            now_ms,
        )
        .await?;
        Ok(Self {
            grants,
            shares: shares(ground, &some_are(|u| u.shared), &ids, now_ms).await?,
            people: people.into_iter().map(|u| (u.id.clone(), u)).collect(),
            keys: keys.collect(),
            servers: resources(ground, ids.into_iter().collect()).await?,
        })
    }

    /// A server as this person stands to it.
    fn server(&self, person: &str, id: String) -> Option<Resource> {
        let mut known = self.servers.get(&id).copied()?;
        if let Resource::Server { shared, .. } = &mut known {
            let given = self.shares.get(&(person.to_owned(), id));
            *shared = given.copied().unwrap_or_default();
        }
        Some(known)
    }

    /// # Errors
    /// Why it must end.
    fn judge(&self, row: &event_consumers::Model) -> Result<(), &'static str> {
        let maker = row.created_by.as_ref().and_then(|id| self.people.get(id));
        let maker = maker.ok_or("its maker is gone")?;
        let (via, scope) = match &row.api_key_id {
            Some(id) => {
                let scope = self.keys.get(id).ok_or("its API key was revoked")?;
                (id.parse::<ApiKeyId>().map(Via::ApiKey), *scope)
            }
            None => (Ok(Via::Session(SessionId::new())), None),
        };
        let grants = self.grants.get(&maker.id).cloned().unwrap_or_default();
        let actor = via
            .ok()
            .and_then(|via| load::actor_with(maker, grants, via).ok());
        let mut actor = actor.ok_or("its row is damaged")?;
        if let Some(scope) = scope {
            actor = actor.within(scope);
        }
        if row.servers.is_none() {
            return match may(&actor, Key::EventsAll, Resource::Panel) {
                true => Ok(()),
                false => Err("its maker may not see all events any more"),
            };
        }
        // A server that is gone for good says nothing any more.
        let left: Vec<Resource> = named(row)
            .filter_map(|id| self.server(&maker.id, id))
            .collect();
        if left.is_empty() {
            return Err("none of its servers is left");
        }
        match left
            .into_iter()
            .all(|server| may(&actor, Key::WebsocketConnect, server))
        {
            true => Ok(()),
            false => Err("its maker may not see one of its servers any more"),
        }
    }
}

fn named(row: &event_consumers::Model) -> impl Iterator<Item = String> {
    let ids: Option<Vec<ServerId>> = row
        .servers
        .clone()
        .and_then(|list| serde_json::from_value(list).ok());
    ids.into_iter().flatten().map(|id| id.to_string())
}

/// Also of servers that were deleted: what they last said is their owner's.
async fn resources(ground: &Ground, ids: Vec<String>) -> Result<HashMap<String, Resource>, DbErr> {
    let mut all = HashMap::new();
    for some in ids.chunks(SOME) {
        // As nobody stands to them: what their owners gave to whom comes after.
        let rows: Vec<ServerKey> = load::servers_for_nobody()
            .filter(servers::Column::Id.is_in(some))
            .into_model()
            .all(ground.db.read())
            .await?;
        let known = rows
            .iter()
            .filter_map(|row| Some((row.id.clone(), row.resource().ok()?)));
        all.extend(known);
    }
    Ok(all)
}

async fn shares(
    ground: &Ground,
    people: &[String],
    servers: &HashSet<String>,
    now_ms: i64,
) -> Result<HashMap<(String, String), KeySet>, DbErr> {
    let mut all = HashMap::new();
    if people.is_empty() {
        return Ok(all);
    }
    let servers: Vec<String> = servers.iter().cloned().collect();
    for some in servers.chunks(SOME) {
        let people = people.iter().cloned();
        let found = load::shares(ground.db.read(), people, some.iter().cloned(), now_ms).await?;
        all.extend(found);
    }
    Ok(all)
}

async fn note(
    ground: &Ground,
    row: &event_consumers::Model,
    because: &str,
    now_ms: i64,
) -> Result<(), DbErr> {
    tracing::info!(consumer.id = %row.id, "event consumer {} has ended: {because}", row.id);
    let row = audit_log::ActiveModel {
        id: Set(fresh_id()),
        at_ms: Set(now_ms),
        actor_kind: Set("system".into()),
        actor_id: Set(None),
        action: Set("event_consumer.end".into()),
        resource_kind: Set("event_consumer".into()),
        resource_id: Set(Some(row.id.clone())),
        server_id: Set(None),
        address: Set(None),
        diff: Set(Some(json!({"because": because}))),
        seq: Set(None),
        seal: Set(None),
    };
    let tx = ground.db.begin(Lane::Machines).await?;
    audit_log::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await?;
    tx.commit().await
}
