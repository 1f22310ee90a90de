//! A server of which only its node knows, after a database was restored: its row, variables and ports are made
//! anew from what the node's ledger has. A node may say anything, so all of it is checked as a person's wish is.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use serde_json::json;
use warren_entity::{egg_variables, eggs, nodes, servers, users};
use warren_proto::{
    Message,
    ids::{EggId, NodeId, ServerId, UserId},
    state::State,
    wire,
};

use super::{
    check,
    create::set_variables,
    dto::{CrashPolicyInfo, Limits},
    spec,
};
use crate::{
    allocation::{ports, regain::regain, service::ANY},
    egg::view as egg_view,
    error::{Error, Fields, Result},
    mount,
    outbox::{self, Event},
    text::to_i64,
    wanted::Bumped,
};

/// Ports of one server.
const MOST_PORTS: usize = 64;
/// Counters beyond this count nothing: adding to them must never overflow.
const HIGHEST: u64 = 1 << 48;

/// What control decides of a server that it adopts; the rest is the node's word.
#[derive(Debug, Clone, Copy)]
pub struct Adoption {
    /// Who has it.
    pub node: NodeId,
    /// Which.
    pub server: ServerId,
    /// Above all that the node has.
    pub at: Bumped,
    /// As observed.
    pub state: State,
    /// Where the node's word names no egg that there is.
    pub egg: Option<EggId>,
    /// Where the node's word names nobody that there is.
    pub adopter: UserId,
}

/// What the node's word says, checked as far as that goes without an egg.
#[derive(Debug)]
struct Said {
    name: String,
    image: String,
    startup: String,
    limits: Limits,
    crash: CrashPolicyInfo,
    ports: Vec<(String, u16)>,
    env: BTreeMap<String, String>,
}

/// Writes the rows of a server that control has none of. The node's row must be locked by the transaction.
/// # Errors
/// 422 names what of the node's word can't be; 409 `egg_unknown`, `port_taken`.
pub async fn rebuild(
    db: &impl ConnectionTrait,
    adoption: Adoption,
    word: &wire::WantedServer,
    now_ms: i64,
) -> Result<()> {
    let mut fields = Fields::new();
    fields.check(
        word.server == adoption.server.to_string(),
        "server",
        "other_server",
        "the node answered with another server's row",
    );
    let spec = word.spec.clone().unwrap_or_default();
    fields.check(
        spec.encoded_len() <= spec::MOST_SPEC,
        "spec",
        "too_large",
        "is larger than what control itself writes",
    );
    let said = read(&mut fields, &spec);
    let egg = egg(db, adoption.egg, &spec).await?;
    let known = egg_view::variables(db, &egg.id).await?;
    let values = values(&known, &said.env);
    check::variables(&mut fields, &known, &values, true, true);
    fields.finish()?;
    let owner = owner(db, &spec.owner, adoption.adopter).await?;
    let id = adoption.server.to_string();
    let egg_id = egg.id;
    let row = row(
        adoption,
        word,
        &said,
        (egg_id.clone(), owner.clone()),
        now_ms,
    )?;
    servers::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    set_variables(db, &id, &values).await?;
    let node = adoption.node.to_string();
    regain(db, &node, &id, &said.ports, now_ms).await?;
    let standing = nodes::Entity::find_by_id(&node).one(db).await?;
    let place = mount::Place {
        node: &node,
        location: standing.as_ref().and_then(|n| n.location_id.as_deref()),
        egg: &egg_id,
    };
    mount::store::regain(db, &id, place, &spec.mounts, now_ms).await?;
    spec::refresh(db, &id).await?;
    let data = json!({"name": said.name, "owner": owner});
    let event = Event::of_server(
        adoption.server,
        Some(adoption.node),
        "adopted",
        now_ms,
        data,
    );
    outbox::write(db, event).await?;
    Ok(())
}

fn read(fields: &mut Fields, spec: &wire::ServerSpec) -> Said {
    let name = fields.line("name", &spec.name, 64);
    check::image(fields, &spec.image, &[], true);
    check::startup(fields, &spec.startup);
    let limits = spec::limits_of(&spec.limits.clone().unwrap_or_default());
    check::limits(fields, &limits);
    let crash = spec.crash.unwrap_or_default();
    let crash = CrashPolicyInfo {
        restart: crash.restart,
        max_restarts: crash.max_restarts,
        window_s: crash.window_s,
        clean_exit_is_crash: crash.clean_exit_is_crash,
    };
    check::crash_policy(fields, &crash);
    let ports = read_ports(fields, &spec.ports);
    let env = spec.env.iter();
    Said {
        name,
        image: spec.image.clone(),
        startup: spec.startup.clone(),
        limits,
        crash,
        ports,
        env: env.map(|e| (e.name.clone(), e.value.clone())).collect(),
    }
}

fn read_ports(fields: &mut Fields, said: &[wire::PortBinding]) -> Vec<(String, u16)> {
    let mut seen = BTreeSet::new();
    let mut read = Vec::new();
    for binding in said.iter().take(MOST_PORTS + 1) {
        let ip = match &*binding.host_ip {
            "" => Some(ANY.to_owned()),
            text => text.parse::<IpAddr>().ok().map(|ip| ip.to_string()),
        };
        let port = u16::try_from(binding.port).ok();
        match (ip, port.filter(|p| *p >= ports::LOWEST)) {
            (Some(ip), Some(port)) if seen.insert((ip.clone(), port)) => read.push((ip, port)),
            _ => fields.refuse("ports", "invalid", "are not what a server may have"),
        }
    }
    fields.check(
        read.len() <= MOST_PORTS,
        "ports",
        "out_of_range",
        format!("are at most {MOST_PORTS}"),
    );
    read
}

async fn egg(
    db: &impl ConnectionTrait,
    named: Option<EggId>,
    spec: &wire::ServerSpec,
) -> Result<eggs::Model> {
    let id = named.map_or_else(|| spec.egg.clone(), |id| id.to_string());
    let found = eggs::Entity::find_by_id(&id).one(db).await?;
    found
        .filter(|egg| egg.deleted_at_ms.is_none())
        .ok_or_else(|| {
            Error::conflict(
                "egg_unknown",
                "the egg that this server was made from is not here: import it and name it as `egg`",
            )
        })
}

/// The egg's variables as the container has them: names are upper case there.
fn values(
    known: &[egg_variables::Model],
    env: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let value = |v: &egg_variables::Model| {
        let value = env.get(&v.env.to_ascii_uppercase())?;
        Some((v.env.clone(), value.clone()))
    };
    known.iter().filter_map(value).collect()
}

async fn owner(db: &impl ConnectionTrait, said: &str, adopter: UserId) -> Result<String> {
    let known = match said.parse::<UserId>() {
        Ok(id) => users::Entity::find_by_id(id.to_string()).one(db).await?,
        Err(_) => None,
    };
    let known = known.filter(|user| user.deleted_at_ms.is_none());
    Ok(known.map_or_else(|| adopter.to_string(), |user| user.id))
}

fn row(
    adoption: Adoption,
    word: &wire::WantedServer,
    said: &Said,
    (egg_id, owner_id): (String, String),
    now_ms: i64,
) -> Result<servers::ActiveModel> {
    let order = word.power.unwrap_or_default();
    let power = match order.power() {
        wire::Power::Start => "start",
        wire::Power::Kill => "kill",
        wire::Power::Stop | wire::Power::Unspecified => "stop",
    };
    Ok(servers::ActiveModel {
        id: Set(adoption.server.to_string()),
        name: Set(said.name.clone()),
        description: Set(String::new()),
        owner_id: Set(owner_id),
        node_id: Set(adoption.node.to_string()),
        egg_id: Set(egg_id),
        image: Set(said.image.clone()),
        startup: Set(said.startup.clone()),
        limits: Set(serde_json::to_value(&said.limits).map_err(Error::internal)?),
        crash_policy: Set(json!(said.crash)),
        suspended: Set(word.suspended),
        generation: Set(adoption.at.generation),
        rev: Set(adoption.at.rev),
        // The order that the node has settled: it is not repeated.
        power: Set(power.to_owned()),
        power_generation: Set(to_i64(order.generation.min(HIGHEST))),
        restarts: Set(to_i64(order.restarts.min(HIGHEST))),
        intent: Set(None),
        intent_at_ms: Set(None),
        spec: Set(Vec::new()),
        state: Set(adoption.state.as_str().to_owned()),
        state_since_ms: Set(now_ms),
        state_reason: Set(Some("adopted".to_owned())),
        state_detail: Set(None),
        observed_generation: Set(0),
        run_id: Set(None),
        run_started_at_ms: Set(None),
        last_exit: Set(None),
        install: Set(None),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
        deleted_at_ms: Set(None),
    })
}
