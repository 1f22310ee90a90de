//! Makes, changes and removes mounts.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::{Map, Value, json};
use warren_entity::{eggs, locations, mount_offers, mount_servers, mounts, nodes, servers};
use warren_proto::{ids::MountId, mount::allowed_by};

use super::{
    check,
    dto::{Mount, MountCreate, MountPatch},
    offer::{Asked, Offers},
    spread, store,
};
use crate::{
    access::Key,
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    egg::view::lenient,
    error::{Error, Fields, Result},
    http::{Page, Stamp},
    node::dto::HostInfo,
    operation::dto::Named,
};

/// Mounts that there may be; the list is one page.
const MOST: u64 = 200;
/// Nodes that are named.
const NAMED: usize = 20;

/// A node, as far as it matters here.
struct Machine {
    id: String,
    name: String,
    location: Option<String>,
    allowed: Vec<String>,
}

/// What mounts refer to.
struct Around {
    machines: Vec<Machine>,
    locations: HashMap<String, String>,
    eggs: HashMap<String, String>,
    servers: HashMap<String, u64>,
}

impl Around {
    async fn load(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let rows: Vec<(String, String, Option<String>, Value)> = nodes::Entity::find()
            .filter(nodes::Column::DeletedAtMs.is_null())
            .order_by_asc(nodes::Column::Name)
            .select_only()
            .columns([
                nodes::Column::Id,
                nodes::Column::Name,
                nodes::Column::LocationId,
                nodes::Column::Host,
            ])
            .into_tuple()
            .all(db)
            .await?;
        let machine =
            |(id, name, location, host): (String, String, Option<String>, Value)| Machine {
                id,
                name,
                location,
                allowed: lenient::<HostInfo>(&host).allowed_mounts,
            };
        let locations: Vec<(String, String)> = locations::Entity::find()
            .select_only()
            .columns([locations::Column::Id, locations::Column::Name])
            .into_tuple()
            .all(db)
            .await?;
        let offered = Query::select()
            .column(mount_offers::Column::TargetId)
            .from(mount_offers::Entity)
            .to_owned();
        let eggs: Vec<(String, String)> = eggs::Entity::find()
            .filter(eggs::Column::DeletedAtMs.is_null())
            .filter(eggs::Column::Id.in_subquery(offered))
            .select_only()
            .columns([eggs::Column::Id, eggs::Column::Name])
            .into_tuple()
            .all(db)
            .await?;
        let alive = Query::select()
            .column(servers::Column::Id)
            .from(servers::Entity)
            .and_where(Expr::col(servers::Column::DeletedAtMs).is_null())
            .to_owned();
        let counts: Vec<(String, i64)> = mount_servers::Entity::find()
            .filter(mount_servers::Column::ServerId.in_subquery(alive))
            .select_only()
            .column(mount_servers::Column::MountId)
            .column_as(mount_servers::Column::ServerId.count(), "servers")
            .group_by(mount_servers::Column::MountId)
            .into_tuple()
            .all(db)
            .await?;
        Ok(Self {
            machines: rows.into_iter().map(machine).collect(),
            locations: locations.into_iter().collect(),
            eggs: eggs.into_iter().collect(),
            servers: counts
                .into_iter()
                .map(|(id, n)| (id, n.unsigned_abs()))
                .collect(),
        })
    }

    fn shown(&self, row: mounts::Model, offers: &Offers) -> Mount {
        let named = |(id, name): (&String, &String)| Named {
            id: id.clone(),
            name: name.clone(),
        };
        let those = |ids: &BTreeSet<String>, names: &HashMap<String, String>| {
            let mut those: Vec<Named> = ids
                .iter()
                .filter_map(|id| names.get_key_value(id))
                .map(named)
                .collect();
            those.sort_by(|a, b| a.name.cmp(&b.name));
            those
        };
        let machine = |machine: &Machine| named((&machine.id, &machine.name));
        let listed = self
            .machines
            .iter()
            .filter(|m| offers.nodes.contains(&m.id));
        let refusing: Vec<&Machine> = self
            .machines
            .iter()
            .filter(|m| offers.on(&m.id, m.location.as_deref()))
            .filter(|m| allowed_by(&m.allowed, &row.source).is_none())
            .collect();
        Mount {
            servers: self.servers.get(&row.id).copied().unwrap_or_default(),
            nodes: listed.map(machine).collect(),
            locations: those(&offers.locations, &self.locations),
            eggs: those(&offers.eggs, &self.eggs),
            refusing: refusing.len() as u64,
            refusing_nodes: refusing.into_iter().take(NAMED).map(machine).collect(),
            id: row.id,
            name: row.name,
            description: row.description,
            source: row.source,
            target: row.target,
            read_only: row.read_only,
            self_service: row.self_service,
            all_nodes: row.all_nodes,
            all_eggs: row.all_eggs,
            created_at: Stamp(row.created_at_ms),
            updated_at: Stamp(row.updated_at_ms),
        }
    }
}

/// All, by name.
/// # Errors
/// Database.
pub async fn list(app: &App) -> Result<Page<Mount>> {
    let db = app.db.read();
    let rows = mounts::Entity::find()
        .order_by_asc(mounts::Column::NameFolded)
        .limit(MOST)
        .all(db)
        .await?;
    let mut offers: HashMap<String, Vec<mount_offers::Model>> = HashMap::new();
    for offer in mount_offers::Entity::find().all(db).await? {
        offers
            .entry(offer.mount_id.clone())
            .or_default()
            .push(offer);
    }
    let around = Around::load(db).await?;
    let shown = rows.into_iter().map(|row| {
        let offers = Offers::of(&row, offers.get(&row.id).into_iter().flatten());
        around.shown(row, &offers)
    });
    Ok(Page::whole(shown.collect()))
}

/// One.
/// # Errors
/// 404.
pub async fn get(app: &App, id: MountId) -> Result<Mount> {
    let db = app.db.read();
    let row = mounts::Entity::find_by_id(id.to_string())
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("mount"))?;
    fresh(db, row).await
}

async fn fresh(db: &impl ConnectionTrait, row: mounts::Model) -> Result<Mount> {
    let offers = store::offers(db, &row).await?;
    Ok(Around::load(db).await?.shown(row, &offers))
}

/// Makes one.
/// # Errors
/// 409 when there are too many, 422.
pub async fn create(app: &App, caller: &Caller, req: MountCreate) -> Result<Mount> {
    let mut fields = Fields::new();
    let name = fields.line("name", &req.name, 64);
    let description = fields.text("description", &req.description, 512);
    let source = check::source(&mut fields, &req.source);
    let target = check::target(&mut fields, &req.target);
    let asked = Asked::read(
        &mut fields,
        Some(&req.nodes),
        Some(&req.locations),
        Some(&req.eggs),
    );
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    if mounts::Entity::find().count(&*tx).await? >= MOST {
        let text = format!("there are {MOST} mounts; remove one that is no longer used");
        return Err(Error::conflict("too_many_mounts", text));
    }
    let none = Offers {
        all_nodes: req.all_nodes,
        all_eggs: req.all_eggs,
        ..Offers::default()
    };
    let offers = asked.over(&*tx, &none).await?;
    let row = mounts::ActiveModel {
        id: Set(MountId::new().to_string()),
        name_folded: Set(name.to_lowercase()),
        name: Set(name),
        description: Set(description),
        source: Set(source),
        target: Set(target),
        read_only: Set(req.read_only),
        self_service: Set(req.self_service),
        all_nodes: Set(offers.all_nodes),
        all_eggs: Set(offers.all_eggs),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    let row = row.insert(&*tx).await.map_err(Error::name_taken("mount"))?;
    offers.write(&*tx, &row.id).await?;
    Entry::of(Key::MountCreate, "mount", &row.id)
        .with(json!({
            "name": row.name,
            "on_node": row.source,
            "in_container": row.target,
            "read_only": row.read_only,
            "self_service": row.self_service,
            "offered": offers.told(),
        }))
        .by(&*tx, caller, now_ms)
        .await?;
    let made = fresh(&*tx, row).await?;
    tx.commit().await?;
    Ok(made)
}

/// Changes one, for all servers that have it switched on.
/// # Errors
/// 404; 409 `mount_in_use`, `mount_target_taken`; 422.
pub async fn update(app: &App, caller: &Caller, id: MountId, req: MountPatch) -> Result<Mount> {
    let mut fields = Fields::new();
    let name = req.name.as_ref().map(|n| fields.line("name", n, 64));
    let description = req.description.as_ref();
    let description = description.map(|d| fields.text("description", d, 512));
    let source = req.source.as_ref().map(|s| check::source(&mut fields, s));
    let target = req.target.as_ref().map(|t| check::target(&mut fields, t));
    let asked = Asked::read(
        &mut fields,
        req.nodes.as_deref(),
        req.locations.as_deref(),
        req.eggs.as_deref(),
    );
    fields.finish()?;
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let before = store::locked(&*tx, id).await?;
    let offered = store::offers(&*tx, &before).await?;
    let flags = Offers {
        all_nodes: req.all_nodes.unwrap_or(offered.all_nodes),
        all_eggs: req.all_eggs.unwrap_or(offered.all_eggs),
        ..offered.clone()
    };
    let offers = asked.over(&*tx, &flags).await?;
    let mut row = mounts::ActiveModel {
        id: Set(before.id.clone()),
        all_nodes: Set(offers.all_nodes),
        all_eggs: Set(offers.all_eggs),
        updated_at_ms: Set(now_ms),
        ..Default::default()
    };
    if let Some(name) = name {
        row.name_folded = Set(name.to_lowercase());
        row.name = Set(name);
    }
    if let Some(description) = description {
        row.description = Set(description);
    }
    if let Some(source) = source {
        row.source = Set(source);
    }
    if let Some(target) = target {
        row.target = Set(target);
    }
    if let Some(read_only) = req.read_only {
        row.read_only = Set(read_only);
    }
    if let Some(self_service) = req.self_service {
        row.self_service = Set(self_service);
    }
    let row = row.update(&*tx).await.map_err(Error::name_taken("mount"))?;
    let users = spread::users(&*tx, &row.id).await?;
    if offers != offered {
        spread::still_offered(&users, &offered, &offers)?;
        offers.write(&*tx, &row.id).await?;
    }
    let mut nudged = BTreeSet::new();
    if store::wire(&row) != store::wire(&before) {
        nudged = spread::tell(&*tx, &users, &row, now_ms).await?;
    }
    let diff = diff((&before, &offered), (&row, &offers));
    Entry::of(Key::MountUpdate, "mount", &row.id)
        .with(diff)
        .by(&*tx, caller, now_ms)
        .await?;
    let made = fresh(&*tx, row).await?;
    tx.commit().await?;
    for node in nudged {
        app.nudges.node(node);
    }
    app.nudges.outbox();
    Ok(made)
}

fn diff(
    (before, offered): (&mounts::Model, &Offers),
    (after, offers): (&mounts::Model, &Offers),
) -> Value {
    let all = |row: &mounts::Model, offers: &Offers| {
        [
            ("name", json!(row.name)),
            ("description", json!(row.description)),
            ("on_node", json!(row.source)),
            ("in_container", json!(row.target)),
            ("read_only", json!(row.read_only)),
            ("self_service", json!(row.self_service)),
            ("offered", offers.told()),
        ]
    };
    let pairs = all(before, offered).into_iter().zip(all(after, offers));
    let changed = pairs.filter(|((_, from), (_, to))| from != to);
    let changed =
        changed.map(|((name, from), (_, to))| (name.to_owned(), json!({"from": from, "to": to})));
    Value::Object(changed.collect::<Map<_, _>>())
}

/// Removes one. Servers must let go of it first: nothing vanishes from under a game by a removal elsewhere.
/// # Errors
/// 404; 409 `mount_in_use`.
pub async fn delete(app: &App, caller: &Caller, id: MountId) -> Result<()> {
    let now_ms = app.clock.now_ms();
    let tx = app.db.begin(Lane::People).await?;
    let row = store::locked(&*tx, id).await?;
    let users = spread::users(&*tx, &row.id).await?;
    if let Some(first) = users.first() {
        let who = match users.len() {
            1 => format!("server {:?} has", first.name),
            n => format!("server {:?} and {} more have", first.name, n - 1),
        };
        let text = format!("{who} it switched on; switch it off there first");
        return Err(Error::conflict("mount_in_use", text));
    }
    mounts::Entity::delete_by_id(&*row.id).exec(&*tx).await?;
    Entry::of(Key::MountDelete, "mount", &row.id)
        .with(json!({"name": row.name, "on_node": row.source, "in_container": row.target}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    Ok(())
}
