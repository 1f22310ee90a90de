//! Which nodes hold tickets of a log-in or API key: those alone are told of its end. Kept in the database, since
//! any control may sign a ticket and any other tell of the end.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QuerySelect, sea_query::OnConflict,
};
use warren_entity::{api_keys, revocations, session_nodes, sessions};
use warren_proto::{
    bus::ticket::{Scope, Ticket},
    ids::NodeId,
    wire,
};

use super::Error;
use crate::{app::Ground, db::Lane, text::to_u64};

/// A note is good for so long: tickets are renewed every few minutes, and few renewals should have to write.
const KEEP_MS: i64 = 3_600_000;

/// Notes where a ticket goes, before it is given out.
/// # Errors
/// [`Error::Ended`] when its session has ended meanwhile; database.
pub async fn note(ground: &Ground, ticket: &Ticket) -> Result<(), Error> {
    let Scope::Server { node, .. } = ticket.scope else {
        return Ok(());
    };
    let (session, node) = (ticket.session.to_string(), node.to_string());
    let noted = session_nodes::Entity::find_by_id((session.clone(), node.clone()))
        .filter(session_nodes::Column::UntilMs.gte(ticket.expires_at_ms()))
        .one(ground.db.read())
        .await?;
    if noted.is_some() {
        return Ok(());
    }
    let tx = ground.db.begin(Lane::People).await?;
    // Held until the commit: whoever ends the session comes before, and there is no ticket, or after, and finds
    // the note.
    if !hold(&*tx, &session).await? {
        return Err(Error::Ended);
    }
    let row = session_nodes::ActiveModel {
        session_id: Set(session),
        node_id: Set(node),
        user_id: Set(ticket.user.to_string()),
        until_ms: Set(ticket.expires_at_ms() + KEEP_MS),
    };
    let key = [
        session_nodes::Column::SessionId,
        session_nodes::Column::NodeId,
    ];
    let later = OnConflict::columns(key)
        .update_column(session_nodes::Column::UntilMs)
        .to_owned();
    session_nodes::Entity::insert(row)
        .on_conflict(later)
        .exec_without_returning(&*tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Locks a log-in or API key; false for one that has ended.
async fn hold(db: &impl ConnectionTrait, id: &str) -> Result<bool, DbErr> {
    let session = sessions::Entity::find_by_id(id)
        .filter(sessions::Column::EndedAtMs.is_null())
        .lock_exclusive()
        .one(db)
        .await?;
    if session.is_some() {
        return Ok(true);
    }
    let key = api_keys::Entity::find_by_id(id)
        .filter(api_keys::Column::RevokedAtMs.is_null())
        .lock_exclusive()
        .one(db)
        .await?;
    Ok(key.is_some())
}

/// What each node has to hear of these ends.
/// # Errors
/// Database.
pub async fn of(
    ground: &Ground,
    ended: &[revocations::Model],
) -> Result<BTreeMap<NodeId, wire::Revoke>, DbErr> {
    let ids = |kind: &str| -> BTreeSet<String> {
        let of_kind = ended.iter().filter(|r| r.kind == kind);
        of_kind.map(|r| r.subject_id.clone()).collect()
    };
    let (gone, people) = (ids("session"), ids("user"));
    let counter = ended.last().map_or(0, |r| to_u64(r.counter));
    let named = Condition::any()
        .add(session_nodes::Column::SessionId.is_in(gone.iter().cloned()))
        .add(session_nodes::Column::UserId.is_in(people.iter().cloned()));
    let holders: Vec<(String, String, String)> = session_nodes::Entity::find()
        .filter(named)
        .filter(session_nodes::Column::UntilMs.gt(ground.clock.now_ms()))
        .select_only()
        .columns([
            session_nodes::Column::NodeId,
            session_nodes::Column::SessionId,
            session_nodes::Column::UserId,
        ])
        .into_tuple()
        .all(ground.db.read())
        .await?;
    let mut told: BTreeMap<NodeId, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for (node, session, user) in holders {
        let Ok(node) = node.parse() else { continue };
        let (sessions, users) = told.entry(node).or_default();
        if gone.contains(&session) {
            sessions.insert(session);
        }
        if people.contains(&user) {
            users.insert(user);
        }
    }
    let word = |(sessions, users): (BTreeSet<String>, BTreeSet<String>)| wire::Revoke {
        counter,
        sessions: sessions.into_iter().collect(),
        users: users.into_iter().collect(),
    };
    Ok(told
        .into_iter()
        .map(|(node, of)| (node, word(of)))
        .collect())
}

/// Forgets notes of tickets that have ended.
/// # Errors
/// Database.
pub async fn prune(ground: &Ground) -> Result<u64, DbErr> {
    let tx = ground.db.begin(Lane::Machines).await?;
    let gone = session_nodes::Entity::delete_many()
        .filter(session_nodes::Column::UntilMs.lt(ground.clock.now_ms()))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}
