//! Rows of servers, as the API shows them: everything that a page of them needs in a handful of queries,
//! however many there are.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use serde::Deserialize;
use serde_json::Value;
use warren_entity::{
    allocations, egg_variables, operations, server_samples, server_variables, servers, users,
};
use warren_proto::state::State;

use super::{
    dto::{
        Address, AddressKind, EggRef, InstallResult, Intent, LastExit, NodeRef, PlayerAddress,
        PowerAction, RunRef, Server, ServerAllocation, ServerState, ServerSummary, ServerVariable,
        Usage,
    },
    row::{self, Row},
    upload, version,
};
use crate::{
    access::{Key, held},
    allocation::{service::ANY, take},
    app::App,
    auth::ServerAccess,
    db::Stored,
    egg::view as egg_view,
    error::{Error, Result},
    http::Stamp,
    node::{dto::NodeState, place::Place, view as node_view},
    operation::{
        dto::{Named, Operation},
        view as operation_view,
    },
};

/// What a page of servers refers to.
#[derive(Default)]
pub struct Around {
    nodes: HashMap<String, Place>,
    operations: HashMap<String, operations::Model>,
    samples: HashMap<String, Sample>,
    rates: HashMap<String, (f64, f64)>,
}

/// What is shown of `server_samples::Model::sample`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sample {
    at_ms: Option<i64>,
    cpu_percent: f64,
    memory_bytes: u64,
    disk_bytes: u64,
    uptime_ms: u64,
    pids: u32,
}

impl Around {
    /// Loads it for these servers. Nothing is asked for that none of them refers to.
    /// # Errors
    /// Database.
    pub async fn load(app: &App, servers: &[Row]) -> Result<Self> {
        let mut around = Self::default();
        let nodes: BTreeSet<String> = servers.iter().map(|s| s.node_id.clone()).collect();
        if !nodes.is_empty() {
            around.nodes = Place::load(app.db.read(), nodes).await?;
        }
        let work: Vec<&str> = servers
            .iter()
            .filter_map(|s| s.operation.as_deref())
            .collect();
        if !work.is_empty() {
            let rows = operations::Entity::find()
                .filter(operations::Column::Id.is_in(work))
                .all(app.db.read())
                .await?;
            around.operations = rows.into_iter().map(|o| (o.id.clone(), o)).collect();
        }
        let up: Vec<String> = servers
            .iter()
            .filter(|s| s.state.parse::<State>().is_ok_and(State::is_up))
            .map(|s| s.id.clone())
            .collect();
        if !up.is_empty() {
            around.samples = samples(app, &up).await?;
            around.rates = crate::usage::rates(app, &up).await?;
        }
        Ok(around)
    }

    fn node(&self, server: &Row) -> NodeRef {
        let node = self.nodes.get(&server.node_id);
        NodeRef {
            id: server.node_id.clone(),
            name: node.map(|n| n.name.clone()).unwrap_or_default(),
            state: node.map_or(NodeState::Offline, |n| n.state),
        }
    }

    fn address(&self, server: &Row) -> Option<Address> {
        let primary = server.primary.as_ref()?;
        let node = self.nodes.get(&server.node_id)?;
        let own = (primary.ip != ANY).then_some(&primary.ip);
        let host = primary.alias.as_ref();
        let host = host
            .or(node.player_address.as_ref())
            .or(own)
            .or(node.best.as_ref())?;
        Some(address(host.clone(), u16::try_from(primary.port).ok()?))
    }

    /// One of a server's ports.
    #[must_use]
    pub fn port(&self, row: allocations::Model) -> ServerAllocation {
        ServerAllocation {
            addresses: self.addresses(&row),
            id: row.id,
            ip: row.ip,
            port: u16::try_from(row.port).unwrap_or_default(),
            primary: row.is_primary,
            alias: row.alias,
            taken_by: row.taken_by,
        }
    }

    /// What players can type for one of a server's ports, the best one first.
    fn addresses(&self, row: &allocations::Model) -> Vec<PlayerAddress> {
        let (Some(node), Ok(port)) = (self.nodes.get(&row.node_id), u16::try_from(row.port)) else {
            return Vec::new();
        };
        let set = [
            (AddressKind::Alias, row.alias.clone()),
            (AddressKind::Node, node.player_address.clone()),
        ];
        let own = (row.ip != ANY).then(|| row.ip.clone());
        let (public, lan) = node.reachable(own);
        let public = public.into_iter().map(|ip| (AddressKind::Public, ip));
        let lan = lan.into_iter().map(|ip| (AddressKind::Lan, ip));
        let set = set
            .into_iter()
            .filter_map(|(kind, host)| Some((kind, host?)));
        let all = set.chain(public).chain(lan);
        let mut seen = std::collections::HashSet::new();
        all.filter(|(_, host)| seen.insert(host.clone()))
            .map(|(kind, host)| PlayerAddress {
                kind,
                address: address(host, port),
            })
            .collect()
    }

    fn operation(&self, server: &Row) -> Option<Operation> {
        let row = self.operations.get(server.operation.as_ref()?)?;
        let node = self.nodes.get(&server.node_id).map(|n| Named {
            id: server.node_id.clone(),
            name: n.name.clone(),
        });
        let named = Named {
            id: server.id.clone(),
            name: server.name.clone(),
        };
        Some(operation_view::operation(row, Some(named), node))
    }

    fn usage(&self, server: &Row) -> Option<Usage> {
        let sample = self.samples.get(&server.id)?;
        let (rx, tx) = self.rates.get(&server.id).copied().unwrap_or_default();
        Some(Usage {
            at: Stamp(sample.at_ms?),
            cpu_percent: sample.cpu_percent,
            memory_bytes: sample.memory_bytes,
            rx_bytes_per_s: node_view::whole(rx),
            tx_bytes_per_s: node_view::whole(tx),
            disk_bytes: sample.disk_bytes,
            uptime_ms: sample.uptime_ms,
            pids: sample.pids,
        })
    }

    /// One server of the page.
    #[must_use]
    pub fn summary(&self, row: Row) -> ServerSummary {
        let intent = row.intent.as_deref().and_then(PowerAction::parse);
        ServerSummary {
            state: row
                .state
                .parse::<State>()
                .map_or(ServerState::Error, Into::into),
            state_since: Stamp(row.state_since_ms),
            intent: intent.map(|action| Intent {
                action,
                asked_at: Stamp(row.intent_at_ms.unwrap_or(row.updated_at_ms)),
            }),
            suspended: row.suspended,
            node: self.node(&row),
            address: self.address(&row),
            usage: self.usage(&row),
            operation: self.operation(&row),
            created_at: Stamp(row.created_at_ms),
            id: row.id,
            name: row.name,
            reason: row.state_reason,
            detail: row.state_detail,
            egg: EggRef {
                id: row.egg_id,
                name: row.egg_name.unwrap_or_default(),
            },
            limits: row.limits,
        }
    }
}

async fn samples(app: &App, servers: &[String]) -> Result<HashMap<String, Sample>> {
    let rows: Vec<(String, Stored<Sample>)> = server_samples::Entity::find()
        .select_only()
        .columns([
            server_samples::Column::ServerId,
            server_samples::Column::Sample,
        ])
        .filter(server_samples::Column::ServerId.is_in(servers))
        .into_tuple()
        .all(app.db.bulk.read())
        .await?;
    let samples = rows.into_iter().map(|(id, Stored(sample))| (id, sample));
    Ok(samples.collect())
}

fn address(host: String, port: u16) -> Address {
    let display = match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V6(_)) => format!("[{host}]:{port}"),
        _ => format!("{host}:{port}"),
    };
    Address {
        host,
        port,
        display,
    }
}

fn last_exit(value: &Value) -> Option<LastExit> {
    Some(LastExit {
        code: value.get("code").and_then(Value::as_i64)?,
        oom: value.get("oom").and_then(Value::as_bool).unwrap_or(false),
        at: Stamp(value.get("at_ms").and_then(Value::as_i64)?),
    })
}

fn install(value: &Value) -> InstallResult {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    InstallResult {
        result: text("result"),
        at: value.get("at_ms").and_then(Value::as_i64).map(Stamp),
        exit_code: value.get("exit_code").and_then(Value::as_i64),
        message: text("message"),
        operation: text("operation"),
    }
}

/// A variable of an egg, and the value of its own that a server has.
#[derive(FromQueryResult)]
struct Valued {
    value: Option<String>,
    #[sea_orm(nested)]
    variable: egg_variables::Model,
}

/// In the egg's order.
async fn variables(db: &impl ConnectionTrait, server: &Row) -> Result<Vec<Valued>> {
    use server_variables::{Column, Entity};
    let value = Query::select()
        .column((Entity, Column::Value))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::ServerId)).eq(&*server.id))
        .and_where(
            Expr::col((Entity, Column::Env))
                .equals((egg_variables::Entity, egg_variables::Column::Env)),
        )
        .to_owned();
    let variables = egg_variables::Entity::find()
        .expr_as(Expr::SubQuery(None, Box::new(value.into())), "value")
        .filter(egg_variables::Column::EggId.eq(&*server.egg_id))
        .order_by_asc(egg_variables::Column::Position);
    Ok(variables.into_model().all(db).await?)
}

/// A whole server as its caller may see it.
/// # Errors
/// 404 when it has just gone; database; a damaged row.
pub async fn whole(app: &App, access: &ServerAccess) -> Result<Server> {
    let db = app.db.read();
    let found = row::whole(&access.server.id)
        .into_model::<row::Whole>()
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    if found.egg.is_none() {
        let id = &access.server.id;
        return Err(Error::Internal(anyhow::anyhow!("server {id} has no egg")));
    }
    let around = Around::load(app, std::slice::from_ref(&found.row)).await?;
    let admin = access.may(Key::ServerLimits);
    let owner = &access.server.owner_id;
    let named: Option<String> = users::Entity::find_by_id(&**owner)
        .select_only()
        .column(users::Column::Username)
        .into_tuple()
        .one(db)
        .await?;
    let variables = if access.may(Key::StartupRead) {
        let all = variables(db, &found.row).await?;
        let seen = all
            .into_iter()
            .filter(|v| admin || v.variable.user_viewable);
        let shown = seen.map(|v| ServerVariable {
            variable: egg_view::variable(&v.variable),
            value: v.value.unwrap_or(v.variable.default_value),
        });
        shown.collect()
    } else {
        Vec::new()
    };
    let ports = take::of_server(db, &found.row.id).await?;
    let ports = ports.into_iter().map(|port| around.port(port));
    let node = around.nodes.get(&found.row.node_id);
    let settings = servers::Entity::find_by_id(&found.row.id)
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    Ok(Server {
        version: version::of(app, db, &settings).await?,
        owner: Named {
            id: owner.clone(),
            name: named.unwrap_or_default(),
        },
        description: found.description,
        image: found.image,
        images: found.images,
        startup: access.may(Key::StartupRead).then_some(found.startup),
        variables,
        allocations: ports.collect(),
        generation: found.generation,
        applied: node.is_some_and(|n| n.applied_rev >= found.rev),
        run: found.run_id.map(|id| RunRef {
            id,
            started_at: found.run_started_at_ms.map(Stamp),
        }),
        crash_policy: found.crash_policy,
        features: found.features,
        permissions: held(&access.caller.actor, access.resource).names(),
        upload_bytes: upload::of(app, &settings.limits),
        last_exit: found.last_exit.as_ref().and_then(last_exit),
        install: found.install.as_ref().map(install),
        summary: around.summary(found.row),
    })
}
