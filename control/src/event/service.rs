//! Public events from the database: what the bus publishes, for those who have no bus at hand.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use warren_entity::{event_consumers, outbox as rows};
use warren_proto::{
    ids::{ConsumerId, UserId},
    subjects::EVENT_STREAM,
};

use super::dto::{
    CloudEvent, Consumer, ConsumerCreate, ConsumerCreated, EventGap, EventPage, EventQuery,
};
use crate::{
    access::{Key, Resource, Via, load, may},
    app::App,
    audit::Entry,
    auth::{Caller, ServerAccess},
    consumer::{self, Wanted},
    db::Lane,
    error::{Error, Fields, Result},
    http::{DEFAULT_LIMIT, MAX_LIMIT, Page, PageQuery, Stamp},
    outbox,
    server::store,
};

/// One year.
const DEFAULT_EXPIRY_S: i64 = 365 * 24 * 3600;

fn sees_all(caller: &Caller) -> bool {
    may(&caller.actor, Key::EventsAll, Resource::Panel)
}

fn view(row: &rows::Model) -> CloudEvent {
    let event = outbox::cloud_event(row);
    let text = |name: &str| {
        event
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    CloudEvent {
        specversion: text("specversion"),
        id: text("id"),
        source: text("source"),
        kind: text("type"),
        subject: text("subject"),
        time: Stamp(row.at_ms),
        datacontenttype: text("datacontenttype"),
        sequence: text("sequence"),
        data: event.get("data").cloned().unwrap_or(Value::Null),
    }
}

/// Events of servers that the caller may see.
/// # Errors
/// 422 for a limit out of range; database.
pub async fn list(app: &App, caller: &Caller, query: &EventQuery) -> Result<EventPage> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::field(
            "limit",
            "out_of_range",
            format!("is {limit}; a page has 1 to {MAX_LIMIT} rows"),
        ));
    }
    let mut scope = Condition::all().add(rows::Column::Seq.is_not_null());
    if !sees_all(caller) {
        scope = scope.add(
            rows::Column::ServerId
                .in_subquery(store::ids_visible_to(&caller.actor, app.clock.now_ms())),
        );
    }
    if let Some(server) = query.server {
        scope = scope.add(rows::Column::ServerId.eq(server.to_string()));
    }
    // Before the page: what is let go in between is then named as missing, and not skipped.
    let numbered = outbox::numbered(app.db.read()).await?;
    // The newest first: an event that is numbered meanwhile is then not skipped by `last`.
    let last: Option<Option<i64>> = rows::Entity::find()
        .filter(scope.clone())
        .order_by_desc(rows::Column::Seq)
        .select_only()
        .column(rows::Column::Seq)
        .into_tuple()
        .one(app.db.read())
        .await?;
    let found = rows::Entity::find()
        .filter(scope)
        .filter(rows::Column::Seq.gt(query.after.unwrap_or(0)))
        .order_by_asc(rows::Column::Seq)
        .limit(limit)
        .all(app.db.read())
        .await?;
    let first = outbox::oldest(app.db.read()).await?;
    Ok(EventPage {
        next: found.last().and_then(|row| row.seq),
        items: found.iter().map(view).collect(),
        last: last.flatten().unwrap_or(0),
        first,
        gap: query.after.and_then(|after| gap(after, first, numbered)),
    })
}

/// What is gone of the events after `after`. Pure.
fn gap(after: i64, first: Option<i64>, numbered: i64) -> Option<EventGap> {
    let from = after.max(0).saturating_add(1);
    let to = first.map_or(numbered, |first| first - 1);
    (from <= to).then_some(EventGap { from, to })
}

fn consumer_view(row: event_consumers::Model) -> Consumer {
    Consumer {
        servers: row
            .servers
            .and_then(|list| serde_json::from_value(list).ok()),
        id: row.id,
        name: row.name,
        created_at: Stamp(row.created_at_ms),
        expires_at: row.expires_at_ms.map(Stamp),
    }
}

fn mine(caller: &Caller) -> Condition {
    if let (true, Via::ApiKey(key)) = (caller.narrowed, caller.actor.via) {
        // A key for some permissions alone has made no others.
        Condition::all().add(event_consumers::Column::ApiKeyId.eq(key.to_string()))
    } else if sees_all(caller) {
        Condition::all()
    } else {
        Condition::all().add(event_consumers::Column::CreatedBy.eq(caller.actor.user.to_string()))
    }
}

/// Consumers that the caller may see, the newest first.
/// # Errors
/// Database; a bad cursor.
pub async fn consumers(app: &App, caller: &Caller, page: &PageQuery) -> Result<Page<Consumer>> {
    let limit = page.limit()?;
    let mut query = event_consumers::Entity::find()
        .filter(mine(caller))
        .filter(event_consumers::Column::RevokedAtMs.is_null())
        .order_by_desc(event_consumers::Column::Id)
        .limit(limit + 1);
    if let Some(after) = page.after()? {
        query = query.filter(event_consumers::Column::Id.lt(after));
    }
    let rows = query.all(app.db.read()).await?;
    Ok(Page::cut(rows, limit, |row| row.id.clone()).map(consumer_view))
}

/// Makes a credential, limited to servers that the caller may see.
/// # Errors
/// 403 for all servers without the right; 404 for one that must not be known; 503 while the bus is away.
pub async fn create_consumer(
    app: &App,
    caller: &Caller,
    req: ConsumerCreate,
) -> Result<ConsumerCreated> {
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    if let Some(servers) = &req.servers {
        fields.check(
            (1..=200).contains(&servers.len()),
            "servers",
            "out_of_range",
            "names 1 to 200 servers, or is null for all",
        );
    }
    fields.finish()?;
    match &req.servers {
        None => caller.require(Key::EventsAll, Resource::Panel)?,
        Some(servers) => {
            for id in servers {
                let access = ServerAccess::load(app, caller.clone(), *id).await?;
                access.require(Key::WebsocketConnect)?;
            }
        }
    }
    let user: UserId = caller.actor.user;
    let now_ms = app.clock.now_ms();
    let ends_ms = load::ends_ms(app.db.read(), &caller.actor, now_ms).await?;
    // At least a second: what ends meanwhile is found by the next look.
    let most_s = ends_ms.map_or(i64::MAX, |at| ((at - now_ms) / 1000).max(1));
    let asked_s = req.expires_in_s.map_or(DEFAULT_EXPIRY_S, i64::from);
    let wanted = Wanted {
        name: name.clone(),
        servers: req.servers.clone(),
        expires_in_s: Some(asked_s.min(most_s)),
        created_by: Some(user),
        api_key: match caller.actor.via {
            Via::ApiKey(key) => Some(key),
            Via::Session(_) => None,
        },
    };
    let made = consumer::create(app, &wanted).await.map_err(|e| match e {
        consumer::Error::Value { field, problem } => Error::field(field, "out_of_range", problem),
        consumer::Error::Bus(cause) => {
            tracing::warn!(cause = format!("{cause:#}"), "no event consumer was made");
            Error::Unavailable {
                code: "bus_unavailable",
                detail: "the bus did not take the consumer; try again in a moment".into(),
            }
        }
        consumer::Error::TooMany(why) => Error::conflict("too_many_consumers", why),
        other => Error::internal(other),
    })?;
    let now_ms = app.clock.now_ms();
    let id = made.id.to_string();
    let tx = app.db.begin(Lane::People).await?;
    Entry::of(Key::EventsAll, "event_consumer", &id)
        .with(json!({"name": name, "servers": req.servers}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    let url = made.nats_urls.first().cloned().unwrap_or_default();
    let ca = made.ca_pem.as_ref().map_or("", |_| " --tlsca ca.pem");
    let subject = made.subjects.first().cloned().unwrap_or_default();
    Ok(ConsumerCreated {
        consumer: Consumer {
            id,
            name,
            servers: req
                .servers
                .map(|list| list.iter().map(ToString::to_string).collect()),
            created_at: Stamp(now_ms),
            expires_at: made.expires_at_ms.map(Stamp),
        },
        example: format!(
            "nats --server {url}{ca} --creds events.creds --inbox-prefix {} sub '{subject}'",
            made.inbox_prefix
        ),
        creds: made.creds,
        nats_urls: made.nats_urls,
        ca_pem: made.ca_pem,
        subjects: made.subjects,
        stream: EVENT_STREAM.to_owned(),
        durable: made.durables.first().cloned(),
        durables: made.durables,
        api_prefix: "CORE.API".to_owned(),
        inbox_prefix: made.inbox_prefix,
    })
}

/// Revokes a consumer.
/// # Errors
/// 404 for another's.
pub async fn revoke_consumer(app: &App, caller: &Caller, id: ConsumerId) -> Result<()> {
    let row = event_consumers::Entity::find_by_id(id.to_string())
        .filter(mine(caller))
        .one(app.db.read())
        .await?;
    if row.is_none() || !consumer::revoke(app, id).await? {
        return Err(Error::not_found("event consumer"));
    }
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    Entry::of(Key::EventsAll, "event_consumer", &id.to_string())
        .with(json!({"revoked": true}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_let_go_is_a_gap() {
        let of = |from, to| Some(EventGap { from, to });
        assert_eq!(gap(0, Some(1), 9), None);
        assert_eq!(gap(0, Some(4), 9), of(1, 3));
        assert_eq!(gap(2, Some(4), 9), of(3, 3));
        assert_eq!(gap(3, Some(4), 9), None);
        assert_eq!(gap(5, None, 9), of(6, 9), "all are gone");
        assert_eq!(gap(9, None, 9), None);
        assert_eq!(gap(-5, Some(2), 9), of(1, 1));
        assert_eq!(gap(i64::MAX, Some(2), 9), None);
    }
}
