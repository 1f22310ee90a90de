//! What admins do with nodes.

use std::net::IpAddr;

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
    sea_query::{Expr, Func, LikeExpr},
};
use serde_json::json;
use warren_entity::{allocations, grants, nodes, operations, orphans, roles, servers, transfers};
use warren_proto::{
    ids::{LocationId, NodeId, ServerId},
    state::State,
    subjects::down,
    wire,
};

use super::{
    command, credential,
    dto::{
        IdentityKeep, MetricSeries, MetricsQuery, Node, NodePatch, NodeQuery, NodeState, Orphan,
        OrphanAction, OrphanRequest,
    },
    presence::{self, Keep},
    view,
};
use crate::{
    access::{self, Actor, Key, KeySet, Reach, Resource, lend},
    allocation::ports,
    app::App,
    audit::Entry,
    auth::{Caller, NodeAccess},
    db::Lane,
    error::{Error, Fields, Result},
    gate,
    http::{IfMatch, Page, PageQuery, Sort, Stamp, Version, later},
    location,
    outbox::{self, Event},
    server::adopt::{self, Adoption},
    sftp,
    text::to_i64,
    wanted::{self, Bumped},
};

/// How long the files of a deleted orphan are kept.
const ORPHAN_FILES_S: u32 = 7 * 24 * 3600;

/// Generations beyond this are no count of anything.
const HIGHEST: u64 = 1 << 48;

/// Rows that the actor may see, by the rule of `decide`. None: no node at all.
fn scope(actor: &Actor) -> Option<Condition> {
    if actor.admin {
        return Some(Condition::all());
    }
    let (mut places, mut single) = (Vec::new(), Vec::new());
    for grant in actor.grants.iter().filter(|g| g.keys.has(Key::NodeRead)) {
        match grant.reach {
            Reach::Everything => return Some(Condition::all()),
            Reach::Location(id) => places.push(id.to_string()),
            Reach::Node(id) => single.push(id.to_string()),
            // It shows that one server, and not what it stands on.
            Reach::Server(_) => {}
        }
    }
    if places.is_empty() && single.is_empty() {
        return None;
    }
    let there = nodes::Column::LocationId.is_in(places);
    Some(
        Condition::any()
            .add(there)
            .add(nodes::Column::Id.is_in(single)),
    )
}

/// Nodes of a ticket at most.
const IN_TICKET: u64 = 200;

/// Ids of the nodes that the caller may see, for a ticket: the oldest of them.
/// # Errors
/// Database.
pub async fn own_ids(app: &App, caller: &Caller) -> Result<Vec<NodeId>> {
    let Some(scope) = scope(&caller.actor) else {
        return Ok(Vec::new());
    };
    let ids: Vec<String> = nodes::Entity::find()
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(scope)
        .order_by_asc(nodes::Column::Id)
        .limit(IN_TICKET)
        .select_only()
        .column(nodes::Column::Id)
        .into_tuple()
        .all(app.db.read())
        .await?;
    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
}

/// Nodes that the caller may see, the oldest first unless asked otherwise.
/// # Errors
/// 403 for somebody who may see none at all; database; a bad cursor.
pub async fn list(app: &App, caller: &Caller, ask: &NodeQuery) -> Result<Page<Node>> {
    let Some(scope) = scope(&caller.actor) else {
        caller.require(Key::NodeRead, Resource::Panel)?;
        return Ok(Page::whole(Vec::new()));
    };
    let page = PageQuery {
        limit: ask.limit,
        cursor: ask.cursor.clone(),
    };
    let limit = page.limit()?;
    let sort = ask.sort.unwrap_or(Sort::Created);
    let query = nodes::Entity::find()
        .filter(nodes::Column::DeletedAtMs.is_null())
        .filter(scope)
        .limit(limit + 1);
    // No index has it: nodes are thousands, not millions.
    let lower = |name: Expr| -> Expr { Func::lower(name).into() };
    let name = lower(Expr::col(nodes::Column::Name));
    let mut query = sort.apply(query, &page, nodes::Column::Id, name, |name| {
        lower(Expr::val(name))
    })?;
    if let Some(state) = ask.state {
        query = query.filter(standing(state));
    }
    let text = ask.search.as_deref().map(str::trim);
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        query = query.filter(named(text));
    }
    let rows = query.all(app.db.read()).await?;
    let page = Page::cut(rows, limit, |row| sort.key(&row.id, &row.name));
    let ids: Vec<String> = page.items.iter().map(|row| row.id.clone()).collect();
    let tenants = view::tenants(app.db.read(), &ids).await?;
    let rates = crate::usage::rates(app, &ids).await?;
    let now_ms = app.clock.now_ms();
    Ok(page.map(|row| {
        let tenants = tenants.get(&row.id).copied().unwrap_or_default();
        view::node(&row, tenants, rates.get(&row.id).copied(), now_ms)
    }))
}

/// The same as [`view::state`] says of a row.
fn standing(state: NodeState) -> Condition {
    let admitted = Condition::all().add(nodes::Column::RevokedAtMs.is_null());
    let sound = || {
        let alone = nodes::Column::QuarantinedBecause.is_null();
        admitted.clone().add(alone)
    };
    match state {
        NodeState::Revoked => Condition::all().add(nodes::Column::RevokedAtMs.is_not_null()),
        NodeState::Quarantined => admitted
            .clone()
            .add(nodes::Column::QuarantinedBecause.is_not_null()),
        NodeState::Online => sound().add(nodes::Column::Online.eq(true)),
        NodeState::Offline => sound().add(nodes::Column::Online.eq(false)),
    }
}

/// Nodes are few: their names are looked through.
fn named(text: &str) -> Condition {
    // Here alone: its `min` and `max` stand in the way of those of numbers.
    use sea_orm::ExprTrait as _;
    let text: String = text.chars().take(64).collect::<String>().to_lowercase();
    // What a user types is text here, not a pattern.
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    let pattern = LikeExpr::new(format!("%{escaped}%")).escape('\\');
    let name = Func::lower(Expr::col(nodes::Column::Name));
    Condition::any()
        .add(Expr::expr(name).like(pattern))
        .add(nodes::Column::Id.eq(text))
}

/// One node.
/// # Errors
/// Database.
pub async fn get(app: &App, row: nodes::Model) -> Result<Node> {
    let ids = [row.id.clone()];
    let tenants = view::tenants(app.db.read(), &ids).await?;
    let rates = crate::usage::rates(app, &ids).await?;
    let tenants = tenants.get(&row.id).copied().unwrap_or_default();
    let now_ms = app.clock.now_ms();
    Ok(view::node(
        &row,
        tenants,
        rates.get(&row.id).copied(),
        now_ms,
    ))
}

pub(crate) fn check_address(fields: &mut Fields, field: &str, text: &str) {
    let labels = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let good = text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(labels));
    fields.check(
        good,
        field,
        "invalid",
        "is neither an IP address nor a host name (leave the port out)",
    );
}

/// Changes name, players' address or port range.
/// # Errors
/// 422 names the field.
pub async fn update(
    app: &App,
    access: &NodeAccess,
    if_match: &IfMatch,
    req: NodePatch,
) -> Result<Node> {
    let mut fields = Fields::new();
    let mut row = nodes::ActiveModel {
        id: Set(access.node.id.clone()),
        ..Default::default()
    };
    if let Some(name) = &req.name {
        row.name = Set(fields.line("name", name, 64));
    }
    if let Some(address) = req.player_address.as_deref().map(str::trim) {
        if !address.is_empty() {
            check_address(&mut fields, "player_address", address);
        }
        row.player_address = Set((!address.is_empty()).then(|| address.to_owned()));
    }
    if let Some(range) = req.port_range {
        fields.check(
            range.first >= ports::LOWEST && range.first <= range.last,
            "port_range",
            "invalid",
            format!(
                "goes from a first to a last port, both from {} to 65535",
                ports::LOWEST
            ),
        );
        row.port_first = Set(range.first.into());
        row.port_last = Set(range.last.into());
    }
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let moved = req.location.as_deref().map(str::trim);
    let moved = moved.filter(|to| *to != access.node.location_id.as_deref().unwrap_or_default());
    if moved.is_some() {
        // Who is over the place it comes from or goes to wins or loses it: that is for those who are over all.
        access.caller.require(Key::NodeUpdate, Resource::Panel)?;
    }
    let diff = json!({
        "name": req.name,
        "location": {"from": access.node.location_id, "to": req.location},
        "player_address": req.player_address,
        "port_range": req.port_range,
    });
    let tx = app.db.begin(Lane::People).await?;
    let before = nodes::Entity::find_by_id(&*access.node.id)
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("node"))?;
    if_match.check(&Version::at(before.updated_at_ms))?;
    row.updated_at_ms = Set(later(before.updated_at_ms, now_ms));
    let mut affected = Vec::new();
    if let Some(to) = moved {
        let to = place(&*tx, to).await?;
        affected = over_places(app, &*tx, access, to.as_deref()).await?;
        row.location_id = Set(to);
    }
    let row = row.update(&*tx).await.map_err(|e| match e.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => {
            Error::field("name", "taken", "another node has this name")
        }
        _ => e.into(),
    })?;
    Entry::of(Key::NodeUpdate, "node", &row.id)
        .with(diff)
        .by(&*tx, &access.caller, now_ms)
        .await?;
    gate::end_people(&*tx, affected, now_ms).await?;
    tx.commit().await?;
    app.nudges.revoked();
    get(app, row).await
}

/// A location by its id; nowhere for none.
async fn place(db: &impl ConnectionTrait, text: &str) -> Result<Option<String>> {
    if text.is_empty() {
        return Ok(None);
    }
    let unknown = || Error::field("location", "unknown", "there is no location with this id");
    let id: LocationId = text.parse().map_err(|_| unknown())?;
    match location::service::find(db, id).await {
        Ok(row) => Ok(Some(row.id)),
        Err(Error::NotFound { .. }) => Err(unknown()),
        Err(error) => Err(error),
    }
}

/// People with roles over where the node stood and over where it goes: what they see changes. Nobody gives a node to
/// roles that hold more than the giver has.
async fn over_places(
    app: &App,
    db: &impl ConnectionTrait,
    access: &NodeAccess,
    to: Option<&str>,
) -> Result<Vec<String>> {
    let places = [access.node.location_id.as_deref(), to];
    let given = grants::Entity::find()
        .filter(grants::Column::Reach.eq("location"))
        .filter(grants::Column::ReachId.is_in(places.into_iter().flatten()))
        .all(db)
        .await?;
    let there = given.iter().filter(|g| to == Some(&*g.reach_id));
    let held = roles::Entity::find()
        .filter(roles::Column::Id.is_in(there.map(|g| g.role_id.clone())))
        .all(db)
        .await?;
    let keys = held.iter().map(|role| KeySet::stored(&role.keys));
    let keys = keys.fold(KeySet::NONE, |all, some| all | some);
    let actor = &access.caller.actor;
    lend::require(db, actor, keys, Reach::Everything, app.clock.now_ms()).await?;
    let mut people: Vec<String> = given.into_iter().map(|g| g.user_id).collect();
    people.sort();
    people.dedup();
    Ok(people)
}

/// Removes a node. With `force` its servers are forgotten too: the machine may be gone for good.
/// # Errors
/// 409 `node_has_servers`, `node_has_transfers`.
pub async fn delete(app: &App, access: &NodeAccess, force: bool) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let node = &access.node.id;
    let tx = app.db.begin(Lane::People).await?;
    // Locks the node's row: a server that is being made on it comes before or after, never in between.
    wanted::raise_rev(&*tx, node).await?;
    let tenants: Vec<String> = servers::Entity::find()
        .filter(servers::Column::NodeId.eq(node))
        .filter(servers::Column::DeletedAtMs.is_null())
        .select_only()
        .column(servers::Column::Id)
        .into_tuple()
        .all(&*tx)
        .await?;
    if !tenants.is_empty() && !force {
        return Err(Error::conflict(
            "node_has_servers",
            format!(
                "{} server(s) are on it; delete them first, or remove the node by force and forget them",
                tenants.len()
            ),
        ));
    }
    let coming = transfers::Entity::find()
        .filter(transfers::Column::ToNode.eq(node))
        .filter(transfers::Column::Active.is_not_null())
        .count(&*tx)
        .await?;
    if coming > 0 && !force {
        let text = format!(
            "{coming} server(s) are being moved to it; call that off first, or remove the node by force"
        );
        return Err(Error::conflict("node_has_transfers", text));
    }
    for server in &tenants {
        let id: ServerId = server.parse().map_err(Error::internal)?;
        let event = Event::of_server(
            id,
            Some(access.id),
            "deleted",
            now_ms,
            json!({"because": "node_removed"}),
        );
        outbox::write(&*tx, event).await?;
    }
    servers::Entity::update_many()
        .col_expr(servers::Column::DeletedAtMs, Expr::value(now_ms))
        .filter(servers::Column::NodeId.eq(node))
        .filter(servers::Column::DeletedAtMs.is_null())
        .exec(&*tx)
        .await?;
    operations::Entity::update_many()
        .col_expr(operations::Column::State, Expr::value("lost"))
        .col_expr(operations::Column::Code, Expr::value("node_removed"))
        .col_expr(operations::Column::EndedAtMs, Expr::value(now_ms))
        .filter(operations::Column::NodeId.eq(node))
        .filter(operations::Column::State.is_in(["pending", "running"]))
        .exec(&*tx)
        .await?;
    allocations::Entity::delete_many()
        .filter(allocations::Column::NodeId.eq(node))
        .exec(&*tx)
        .await?;
    credential::revoke_in(&*tx, access.id, now_ms).await?;
    nodes::Entity::update_many()
        .col_expr(nodes::Column::DeletedAtMs, Expr::value(now_ms))
        .filter(nodes::Column::Id.eq(node))
        .exec(&*tx)
        .await?;
    outbox::write(
        &*tx,
        Event::of_node(
            access.id,
            "removed",
            now_ms,
            json!({"name": access.node.name}),
        ),
    )
    .await?;
    Entry::of(Key::NodeDelete, "node", node)
        .with(json!({"name": access.node.name, "force": force, "servers": tenants}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    for server in &tenants {
        sftp::end_of_server(&*tx, server, now_ms).await?;
    }
    tx.commit().await?;
    app.nudges.revoked();
    app.nudges.outbox();
    Ok(())
}

/// Refuses a node's credential from now on.
/// # Errors
/// 409 when it is revoked already.
pub async fn revoke(app: &App, access: &NodeAccess) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    if !credential::revoke_in(&*tx, access.id, now_ms).await? {
        return Err(Error::conflict(
            "already_revoked",
            "its credential is refused already",
        ));
    }
    Entry::of(Key::NodeDelete, "node", &access.node.id)
        .with(json!({"revoked": true}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.revoked();
    app.nudges.outbox();
    Ok(())
}

/// Settles which of two machines keeps a forked identity. The other one is told with its next hello.
/// # Errors
/// 409 when nothing is forked.
pub async fn decide_identity(app: &App, access: &NodeAccess, keep: IdentityKeep) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = nodes::Entity::find_by_id(&*access.node.id)
        .lock_exclusive()
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("node"))?;
    let kept = match keep {
        IdentityKeep::Current => Keep::Current,
        IdentityKeep::Newcomer => Keep::Newcomer,
    };
    let Some(decided) = presence::decide_in(&*tx, &row, kept, now_ms).await? else {
        return Err(Error::conflict(
            "not_quarantined",
            "only one machine claims this identity",
        ));
    };
    let newcomer = &row.quarantined_boot;
    Entry::of(Key::NodeUpdate, "node", &row.id)
        .with(json!({"identity": keep, "newcomer": newcomer}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.outbox();
    command::tell_identity(app, access.id, &decided);
    app.nudges.node(access.id);
    Ok(())
}

/// Servers that the node has and control does not know.
/// # Errors
/// Database.
pub async fn orphans(app: &App, node: &str) -> Result<Page<Orphan>> {
    let rows = orphans::Entity::find()
        .filter(orphans::Column::NodeId.eq(node))
        .order_by_asc(orphans::Column::ServerId)
        .limit(1000)
        .all(app.db.read())
        .await?;
    let view = |row: orphans::Model| Orphan {
        server: row.server_id,
        state: row.state,
        seen_at: Stamp(row.seen_at_ms),
    };
    Ok(Page::whole(rows.into_iter().map(view).collect()))
}

/// Adopts an orphan, or has it removed. Of one that control has no row of, the node is asked what it runs.
/// # Errors
/// 404; 409 `owned_elsewhere`, `egg_unknown`, `port_taken`; 422 for a word of the node that can't be taken.
pub async fn decide_orphan(
    app: &App,
    access: &NodeAccess,
    server: ServerId,
    req: OrphanRequest,
) -> Result<()> {
    if req.action == OrphanAction::Adopt {
        // Whoever adopts may become its owner.
        let keys = KeySet::of(access::Set::Server) | KeySet::from_iter([Key::ServerOwner]);
        let reach = Reach::Node(access.id);
        let (actor, now_ms) = (&access.caller.actor, app.clock.now_ms());
        lend::require(app.db.read(), actor, keys, reach, now_ms).await?;
    }
    let now_ms = app.clock.now_ms();
    let (node, id) = (&access.node.id, server.to_string());
    // Before the transaction: nothing is held over a call.
    let word = match req.action {
        OrphanAction::Adopt => word_of(app, access, &id).await?,
        OrphanAction::Delete => None,
    };
    let tx = app.db.begin(Lane::People).await?;
    let rev = wanted::raise_rev(&*tx, node).await?;
    let orphan = orphans::Entity::find_by_id((node.clone(), id.clone()))
        .one(&*tx)
        .await?
        .ok_or_else(|| Error::not_found("orphan"))?;
    let row = servers::Entity::find_by_id(&id)
        .lock_exclusive()
        .one(&*tx)
        .await?;
    let known = row.as_ref().map_or(0, |r| r.generation);
    let told = word.as_ref().map_or(0, |w| to_i64(w.generation));
    let generation = orphan.generation.max(known).max(told) + 1;
    let at = Bumped { generation, rev };
    match (req.action, row) {
        (OrphanAction::Delete, row) => {
            if row.is_some_and(|r| r.node_id == *node && r.deleted_at_ms.is_none()) {
                return Err(Error::conflict(
                    "known",
                    "control knows it again; delete the server",
                ));
            }
            wanted::bury(&*tx, node, &id, at, ORPHAN_FILES_S, now_ms).await?;
        }
        (OrphanAction::Adopt, Some(row)) if row.node_id != *node => {
            return Err(Error::conflict(
                "owned_elsewhere",
                "another node owns this server: a node can't claim it by naming it",
            ));
        }
        (OrphanAction::Adopt, Some(row)) => {
            let mut row = row.into_active_model();
            row.generation = Set(generation);
            row.rev = Set(rev);
            row.deleted_at_ms = Set(None);
            row.updated_at_ms = Set(now_ms);
            row.update(&*tx).await?;
            crate::server::spec::refresh(&*tx, &id).await?;
        }
        (OrphanAction::Adopt, None) => {
            let word =
                word.ok_or_else(|| Error::conflict("gone", "try again: its row has just gone"))?;
            let adoption = Adoption {
                node: access.id,
                server,
                at,
                state: orphan.state.parse().unwrap_or(State::Stopped),
                egg: req.egg,
                adopter: access.caller.actor.user,
            };
            adopt::rebuild(&*tx, adoption, &word, now_ms).await?;
        }
    }
    orphans::Entity::delete_by_id((node.clone(), id.clone()))
        .exec(&*tx)
        .await?;
    Entry::of(Key::NodeUpdate, "node", node)
        .on(server)
        .with(json!({"orphan": req.action}))
        .by(&*tx, &access.caller, now_ms)
        .await?;
    tx.commit().await?;
    app.nudges.node(access.id);
    app.nudges.outbox();
    Ok(())
}

/// What the node's ledger has of an orphan without a row.
async fn word_of(app: &App, access: &NodeAccess, id: &str) -> Result<Option<wire::WantedServer>> {
    let key = (access.node.id.clone(), id.to_owned());
    if orphans::Entity::find_by_id(key)
        .one(app.db.read())
        .await?
        .is_none()
    {
        return Err(Error::not_found("orphan"));
    }
    if servers::Entity::find_by_id(id)
        .one(app.db.read())
        .await?
        .is_some()
    {
        return Ok(None);
    }
    let body = wire::WantedAsk {
        server: id.to_owned(),
    };
    let word: wire::WantedServer =
        super::ask(app, access.id, down::WANTED, &body, command::ANSWER).await?;
    if word.generation > HIGHEST {
        return Err(Error::field(
            "generation",
            "out_of_range",
            "of the node's row lies beyond all bounds",
        ));
    }
    Ok(Some(word))
}

/// Figures of a node or server over time.
/// # Errors
/// 422 for a bad stretch.
pub async fn metrics(app: &App, subject: &str, query: &MetricsQuery) -> Result<MetricSeries> {
    let now_s = app.clock.now_s();
    let to = query.to.map_or(now_s, |at| at.0 / 1000).min(now_s + 60);
    let from = query.from.map_or(to - 3600, |at| at.0 / 1000);
    if from >= to {
        return Err(Error::field("from", "out_of_range", "must lie before `to`"));
    }
    let mut step = query.step.unwrap_or(15);
    // At most 1500 points, whatever is asked.
    while (to - from) / i64::from(step.max(1)) > 1500 {
        step = match step {
            0..60 => 60,
            60..3600 => 3600,
            other => other.saturating_mul(2),
        };
    }
    crate::usage::series(app, subject, from, to, step).await
}
