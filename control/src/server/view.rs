//! Rows of servers, as the API shows them: everything that a page of them needs in a handful of queries,
//! however many there are.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::Value;
use warren_entity::{allocations, eggs, nodes, operations, server_samples, servers};
use warren_proto::state::State;

use super::{
    dto::{
        Address, AddressKind, EggRef, InstallResult, Intent, LastExit, NodeRef, PlayerAddress,
        PowerAction, RunRef, Server, ServerAllocation, ServerState, ServerSummary, ServerVariable,
        Usage,
    },
    spec,
};
use crate::{
    access::{Key, held},
    allocation::take,
    app::App,
    auth::ServerAccess,
    egg::view::{self as egg_view, lenient},
    error::{Error, Result},
    http::Stamp,
    node::{dto::NodeState, view as node_view},
    operation::{
        dto::{Named, Operation},
        view as operation_view,
    },
};

/// What a page of servers refers to.
#[derive(Default)]
pub struct Around {
    nodes: HashMap<String, nodes::Model>,
    eggs: HashMap<String, String>,
    primary: HashMap<String, allocations::Model>,
    operations: HashMap<String, operations::Model>,
    samples: HashMap<String, Value>,
    rates: HashMap<String, (f64, f64)>,
}

impl Around {
    /// Loads it for these servers.
    /// # Errors
    /// Database.
    pub async fn load(app: &App, servers: &[servers::Model]) -> Result<Self> {
        if servers.is_empty() {
            return Ok(Self::default());
        }
        let mut around = Self::from(app.db.read(), servers).await?;
        let up = servers
            .iter()
            .filter(|s| s.state.parse::<State>().is_ok_and(State::is_up));
        let up: Vec<String> = up.map(|s| s.id.clone()).collect();
        let samples = server_samples::Entity::find()
            .filter(server_samples::Column::ServerId.is_in(up.iter().cloned()))
            .all(app.db.bulk.read())
            .await?;
        let samples = samples.into_iter().map(|row| (row.server_id, row.sample));
        around.samples = samples.collect();
        around.rates = crate::usage::rates(app, &up).await?;
        Ok(around)
    }

    /// Loads it as a transaction sees it, without samples and rates.
    /// # Errors
    /// Database.
    pub async fn from(db: &impl ConnectionTrait, servers: &[servers::Model]) -> Result<Self> {
        let ids = || servers.iter().map(|s| s.id.clone());
        let nodes = nodes::Entity::find()
            .filter(nodes::Column::Id.is_in(servers.iter().map(|s| s.node_id.clone())))
            .all(db)
            .await?;
        let eggs = eggs::Entity::find()
            .filter(eggs::Column::Id.is_in(servers.iter().map(|s| s.egg_id.clone())));
        let eggs: Vec<(String, String)> = {
            use sea_orm::QuerySelect;
            eggs.select_only()
                .columns([eggs::Column::Id, eggs::Column::Name])
                .into_tuple()
                .all(db)
                .await?
        };
        let primary = allocations::Entity::find()
            .filter(allocations::Column::ServerId.is_in(ids()))
            .filter(allocations::Column::IsPrimary.eq(true))
            .all(db)
            .await?;
        let operations = operations::Entity::find()
            .filter(operations::Column::ServerId.is_in(ids()))
            .filter(operations::Column::State.is_in(["pending", "running"]))
            .order_by_asc(operations::Column::Id)
            .all(db)
            .await?;
        Ok(Self {
            nodes: nodes.into_iter().map(|n| (n.id.clone(), n)).collect(),
            eggs: eggs.into_iter().collect(),
            primary: primary
                .into_iter()
                .filter_map(|a| Some((a.server_id.clone()?, a)))
                .collect(),
            operations: operations
                .into_iter()
                .filter_map(|o| Some((o.server_id.clone()?, o)))
                .collect(),
            samples: HashMap::new(),
            rates: HashMap::new(),
        })
    }

    fn node(&self, server: &servers::Model) -> NodeRef {
        match self.nodes.get(&server.node_id) {
            Some(node) => NodeRef {
                id: node.id.clone(),
                name: node.name.clone(),
                state: node_view::state(node),
            },
            None => NodeRef {
                id: server.node_id.clone(),
                name: String::new(),
                state: NodeState::Offline,
            },
        }
    }

    fn address(&self, server: &servers::Model) -> Option<Address> {
        let primary = self.primary.get(&server.id)?;
        let node = self.nodes.get(&server.node_id)?;
        let own = (primary.ip != crate::allocation::service::ANY).then(|| primary.ip.clone());
        let host = primary
            .alias
            .clone()
            .or_else(|| node.player_address.clone())
            .or(own)
            .or_else(|| node_view::player_host(node))?;
        Some(address(host, u16::try_from(primary.port).ok()?))
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
        let own = (row.ip != crate::allocation::service::ANY).then(|| row.ip.clone());
        let (public, lan) = node_view::reachable(node, own);
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

    fn operation(&self, server: &servers::Model) -> Option<Operation> {
        let row = self.operations.get(&server.id)?;
        let node = self.nodes.get(&server.node_id).map(|n| Named {
            id: n.id.clone(),
            name: n.name.clone(),
        });
        let named = Named {
            id: server.id.clone(),
            name: server.name.clone(),
        };
        Some(operation_view::operation(row, Some(named), node))
    }

    fn usage(&self, server: &servers::Model) -> Option<Usage> {
        let state: State = server.state.parse().ok()?;
        let sample = self.samples.get(&server.id).filter(|_| state.is_up())?;
        let number = |name: &str| sample.get(name).and_then(Value::as_u64);
        let (rx, tx) = self.rates.get(&server.id).copied().unwrap_or_default();
        Some(Usage {
            at: Stamp(sample.get("at_ms").and_then(Value::as_i64)?),
            cpu_percent: sample
                .get("cpu_percent")
                .and_then(Value::as_f64)
                .unwrap_or_default(),
            memory_bytes: number("memory_bytes").unwrap_or_default(),
            rx_bytes_per_s: node_view::whole(rx),
            tx_bytes_per_s: node_view::whole(tx),
            disk_bytes: number("disk_bytes").unwrap_or_default(),
            uptime_ms: number("uptime_ms").unwrap_or_default(),
            pids: number("pids")
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or_default(),
        })
    }

    /// One server of the page.
    #[must_use]
    pub fn summary(&self, row: &servers::Model) -> ServerSummary {
        let intent = row.intent.as_deref().and_then(PowerAction::parse);
        ServerSummary {
            id: row.id.clone(),
            name: row.name.clone(),
            state: row
                .state
                .parse::<State>()
                .map_or(ServerState::Error, Into::into),
            state_since: Stamp(row.state_since_ms),
            reason: row.state_reason.clone(),
            detail: row.state_detail.clone(),
            intent: intent.map(|action| Intent {
                action,
                asked_at: Stamp(row.intent_at_ms.unwrap_or(row.updated_at_ms)),
            }),
            suspended: row.suspended,
            node: self.node(row),
            egg: EggRef {
                id: row.egg_id.clone(),
                name: self.eggs.get(&row.egg_id).cloned().unwrap_or_default(),
            },
            address: self.address(row),
            limits: lenient(&row.limits),
            usage: self.usage(row),
            operation: self.operation(row),
            created_at: Stamp(row.created_at_ms),
        }
    }
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

/// A whole server as its caller may see it.
/// # Errors
/// Database; a damaged row.
pub async fn whole(
    db: &impl ConnectionTrait,
    around: &Around,
    access: &ServerAccess,
    row: &servers::Model,
) -> Result<Server> {
    let egg = eggs::Entity::find_by_id(&*row.egg_id)
        .one(db)
        .await?
        .ok_or_else(|| Error::Internal(anyhow::anyhow!("server {} has no egg", row.id)))?;
    let document = egg_view::document(&egg)?;
    let admin = access.caller.actor.admin;
    let sees_startup = access.may(Key::StartupRead);
    let values = spec::values(db, &row.id).await?;
    let variables = egg_view::variables(db, &egg.id).await?;
    let variables = variables
        .iter()
        .filter(|v| sees_startup && (admin || v.user_viewable))
        .map(|v| ServerVariable {
            variable: egg_view::variable(v),
            value: values.get(&v.env).unwrap_or(&v.default_value).clone(),
        });
    let ports = take::of_server(db, &row.id).await?;
    let ports = ports.into_iter().map(|a| ServerAllocation {
        addresses: around.addresses(&a),
        id: a.id,
        ip: a.ip,
        port: u16::try_from(a.port).unwrap_or_default(),
        primary: a.is_primary,
        alias: a.alias,
        taken_by: a.taken_by,
    });
    Ok(Server {
        summary: around.summary(row),
        description: row.description.clone(),
        image: row.image.clone(),
        images: lenient(&egg.images),
        startup: sees_startup.then(|| row.startup.clone()),
        variables: variables.collect(),
        allocations: ports.collect(),
        generation: row.generation,
        applied: around
            .nodes
            .get(&row.node_id)
            .is_some_and(|n| n.applied_rev >= row.rev),
        run: row.run_id.clone().map(|id| RunRef {
            id,
            started_at: row.run_started_at_ms.map(Stamp),
        }),
        crash_policy: lenient(&row.crash_policy),
        features: document.features,
        permissions: held(&access.caller.actor, access.resource)
            .into_iter()
            .map(|k| k.as_str().to_owned())
            .collect(),
        last_exit: row.last_exit.as_ref().and_then(last_exit),
        install: row.install.as_ref().map(install),
    })
}
