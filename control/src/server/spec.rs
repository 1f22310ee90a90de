//! The wanted spec: a server's row, its egg, variables and ports, made into what its node needs to run it
//! without asking anyone.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use std::collections::HashMap;
use warren_egg::{DoneMarker, Egg, ServerFacts, Stop};
use warren_entity::{allocations, egg_variables, eggs, mounts, server_variables, servers};
use warren_proto::{Message, wire};

use super::{
    dto::{CrashPolicyInfo, Limits},
    search,
};
use crate::{
    allocation::{service::ANY, take},
    egg::view::{self, lenient},
    error::{Error, Result},
    mount,
};

const MB: u64 = 1024 * 1024;
/// Processes and threads where nobody said otherwise: more than any game has, and a fork bomb ends there instead
/// of taking the machine's last. 0, when asked for, is no limit.
const PIDS: u32 = 4096;
/// A node takes its rows in order, each within one message: one that fits into none would hold up the wanted
/// state of every server there, whoever owns them.
pub const MOST_SPEC: usize = 384 * 1024;
/// Installers get at least this, however small the server is (as Wings gives them).
const INSTALL_MEMORY_BYTES: u64 = 1024 * MB;
const INSTALL_CPU_PERCENT: f64 = 100.0;
/// An install that takes longer hangs.
const INSTALL_TIMEOUT_S: u32 = 3600;

/// All that a spec is made of.
#[derive(Debug)]
struct Parts {
    server: servers::Model,
    egg: Egg,
    variables: Vec<(egg_variables::Model, String)>,
    ports: Vec<allocations::Model>,
    mounts: Vec<mounts::Model>,
}

async fn load(db: &impl ConnectionTrait, server_id: &str) -> Result<Parts> {
    let server = servers::Entity::find_by_id(server_id)
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    let egg = eggs::Entity::find_by_id(&*server.egg_id)
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("egg"))?;
    let values = values(db, server_id).await?;
    let variables = view::variables(db, &egg.id).await?.into_iter();
    let variables = variables
        .map(|row| {
            let value = values.get(&row.env).unwrap_or(&row.default_value).clone();
            (row, value)
        })
        .collect();
    let ports = take::of_server(db, server_id).await?;
    let mounts = mount::store::of_server(db, server_id).await?;
    Ok(Parts {
        mounts,
        egg: view::document(&egg)?,
        server,
        variables,
        ports,
    })
}

/// The values that a server has of its own, by name.
/// # Errors
/// Database.
pub async fn values(db: &impl ConnectionTrait, server_id: &str) -> Result<HashMap<String, String>> {
    let rows = server_variables::Entity::find()
        .filter(server_variables::Column::ServerId.eq(server_id))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.env, row.value)).collect())
}

/// Compiles a server's spec from the rows that the transaction sees.
/// # Errors
/// 404; 422 where a variable leads a config file out of the server's root; database.
pub async fn compile(db: &impl ConnectionTrait, server_id: &str) -> Result<wire::ServerSpec> {
    spec(&load(db, server_id).await?)
}

/// Compiles a server's spec and stores it in its row. Call it last in the transaction of a change.
/// # Errors
/// As [`compile`].
pub async fn refresh(db: &impl ConnectionTrait, server_id: &str) -> Result<()> {
    let spec = compile(db, server_id).await?;
    let bytes = spec.encoded_len();
    if bytes > MOST_SPEC {
        return Err(Error::field(
            "variables",
            "too_large",
            format!(
                "with these values all that the node must know of the server has {bytes} bytes; at most \
                 {MOST_SPEC} fit into a message"
            ),
        ));
    }
    servers::Entity::update_many()
        .col_expr(servers::Column::Spec, Expr::value(spec.encode_to_vec()))
        .filter(servers::Column::Id.eq(server_id))
        .exec(db)
        .await?;
    // The spec carries the name: whatever changes it comes by here.
    search::note(db, server_id, &spec.name).await?;
    Ok(())
}

fn spec(parts: &Parts) -> Result<wire::ServerSpec> {
    let Parts { server, egg, .. } = parts;
    let limits: Limits = lenient(&server.limits);
    let facts = facts(parts, &limits);
    let env: Vec<wire::EnvVar> = warren_egg::environment(&facts)
        .into_iter()
        .map(|(name, value)| wire::EnvVar { name, value })
        .collect();
    Ok(wire::ServerSpec {
        name: server.name.clone(),
        image: server.image.clone(),
        startup: server.startup.clone(),
        limits: Some(wire_limits(&limits)),
        ports: parts.ports.iter().map(port).collect(),
        stop: Some(stop(&egg.stop)),
        done: egg.done.iter().map(done).collect(),
        config_files: config_files(egg, &facts)?,
        file_denylist: egg.file_denylist.clone(),
        crash: Some(crash(lenient(&server.crash_policy))),
        timezone: facts.timezone.clone(),
        install: install(egg, &limits, &env),
        env,
        tty: true,
        registries: Vec::new(),
        egress_allow: Vec::new(),
        egg: server.egg_id.clone(),
        owner: server.owner_id.clone(),
        mounts: parts.mounts.iter().map(mount::store::wire).collect(),
    })
}

fn facts(parts: &Parts, limits: &Limits) -> ServerFacts {
    let Parts { server, ports, .. } = parts;
    let primary = ports.first();
    let swap = limits.swap_bytes / MB;
    ServerFacts {
        uuid: uuid(&server.id),
        startup: server.startup.clone(),
        image: server.image.clone(),
        egg: server.egg_id.clone(),
        location: String::new(),
        timezone: "UTC".into(),
        ip: primary.map_or_else(|| ANY.to_owned(), |p| p.ip.clone()),
        port: primary.and_then(|p| u16::try_from(p.port).ok()),
        memory_mb: limits.memory_bytes / MB,
        swap_mb: i64::try_from(swap).unwrap_or(i64::MAX),
        disk_mb: limits.disk_bytes / MB,
        cpu_percent: crate::node::view::whole(limits.cpu_percent),
        io_weight: limits.io_weight.unwrap_or(500),
        threads: limits.cpuset.clone().unwrap_or_default(),
        oom_disabled: false,
        suspended: server.suspended,
        allocation_limit: u32::try_from(ports.len()).unwrap_or(u32::MAX),
        variables: parts
            .variables
            .iter()
            .map(|(row, value)| (row.env.clone(), value.clone()))
            .collect(),
    }
}

/// A ULID's 128 bits in the spelling that eggs expect of `P_SERVER_UUID`.
fn uuid(id: &str) -> String {
    let bits = ulid::Ulid::from_string(&id.to_ascii_uppercase()).map_or(0, u128::from);
    let hex = format!("{bits:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32)
    )
}

/// What [`wire_limits`] was made from.
pub fn limits_of(wire: &wire::Limits) -> Limits {
    Limits {
        memory_bytes: wire.memory_bytes,
        swap_bytes: wire.swap_bytes,
        disk_bytes: wire.disk_bytes,
        cpu_percent: wire.cpu_percent,
        io_weight: (wire.io_weight > 0).then_some(wire.io_weight),
        cpuset: (!wire.cpuset.is_empty()).then(|| wire.cpuset.clone()),
        pids: (wire.pids != PIDS).then_some(wire.pids),
        // Nodes know nothing of databases.
        ..Limits::default()
    }
}

fn wire_limits(limits: &Limits) -> wire::Limits {
    wire::Limits {
        memory_bytes: limits.memory_bytes,
        swap_bytes: limits.swap_bytes,
        disk_bytes: limits.disk_bytes,
        cpu_percent: limits.cpu_percent,
        cpuset: limits.cpuset.clone().unwrap_or_default(),
        io_weight: limits.io_weight.unwrap_or(0),
        pids: limits.pids.unwrap_or(PIDS),
        shm_bytes: 0,
    }
}

fn port(row: &allocations::Model) -> wire::PortBinding {
    wire::PortBinding {
        host_ip: if row.ip == ANY {
            String::new()
        } else {
            row.ip.clone()
        },
        port: u32::try_from(row.port).unwrap_or_default(),
        tcp: true,
        udp: true,
    }
}

fn stop(stop: &Stop) -> wire::Stop {
    match stop {
        Stop::Command(line) => wire::Stop {
            how: Some(wire::stop::How::Command(line.clone())),
            grace_ms: 0,
        },
        Stop::Signal { number, grace_ms } => wire::Stop {
            how: Some(wire::stop::How::Signal(*number)),
            grace_ms: grace_ms.unwrap_or(0),
        },
    }
}

fn done(marker: &DoneMarker) -> wire::DoneMarker {
    use wire::done_marker::Pattern;
    wire::DoneMarker {
        pattern: Some(match marker {
            DoneMarker::Contains(text) => Pattern::Contains(text.clone()),
            DoneMarker::Regex(pattern) => Pattern::Regex(pattern.clone()),
        }),
    }
}

fn config_files(egg: &Egg, facts: &ServerFacts) -> Result<Vec<wire::ConfigFile>> {
    let file = |file: &warren_egg::ConfigFile| {
        let filled = warren_egg::fill_file(file, facts)
            .map_err(|e| Error::field("variables", "path_leaves_root", e.to_string()))?;
        let find = filled.find.iter().map(|(key, value)| wire::ConfigFind {
            key: key.clone(),
            value_json: value.to_json().to_string(),
        });
        Ok(wire::ConfigFile {
            path: filled.path,
            parser: filled.parser.name().to_owned(),
            find: find.collect(),
            keep_absent: !filled.create,
        })
    };
    egg.config_files.iter().map(file).collect()
}

fn crash(policy: CrashPolicyInfo) -> wire::CrashPolicy {
    wire::CrashPolicy {
        restart: policy.restart,
        max_restarts: policy.max_restarts,
        window_s: policy.window_s,
        clean_exit_is_crash: policy.clean_exit_is_crash,
    }
}

fn install(egg: &Egg, limits: &Limits, env: &[wire::EnvVar]) -> Option<wire::InstallSpec> {
    let install = &egg.install;
    if install.script.trim().is_empty() {
        return None;
    }
    let at_least = |limit: u64, floor: u64| if limit == 0 { 0 } else { limit.max(floor) };
    let mut room = wire_limits(limits);
    room.memory_bytes = at_least(limits.memory_bytes, INSTALL_MEMORY_BYTES);
    if room.cpu_percent > 0.0 {
        room.cpu_percent = room.cpu_percent.max(INSTALL_CPU_PERCENT);
    }
    room.pids = if room.pids == 0 {
        0
    } else {
        room.pids.max(PIDS)
    };
    Some(wire::InstallSpec {
        image: install.container.clone(),
        entrypoint: install.entrypoint.clone(),
        script: install.script.clone(),
        env: env.to_vec(),
        timeout_s: INSTALL_TIMEOUT_S,
        limits: Some(room),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn parts() -> Parts {
        let starter = warren_egg::starter("minecraft-vanilla").unwrap();
        let (egg, _) = warren_egg::parse(starter.text.as_bytes()).unwrap();
        let variables = egg.variables.iter().map(|v| {
            let row = egg_variables::Model {
                egg_id: String::new(),
                env: v.env.clone(),
                position: 0,
                name: v.name.clone(),
                description: String::new(),
                default_value: v.default.clone(),
                user_viewable: true,
                user_editable: true,
                rules: json!(v.rules),
            };
            (row, v.default.clone())
        });
        let port = |port, is_primary| allocations::Model {
            id: String::new(),
            node_id: String::new(),
            ip: ANY.into(),
            port,
            server_id: None,
            is_primary,
            alias: None,
            taken_by: None,
            reserved_for: None,
            withdrawn: false,
            created_at_ms: 0,
        };
        Parts {
            server: server(&egg),
            variables: variables.collect(),
            egg,
            ports: vec![port(25570, true), port(25571, false)],
            mounts: Vec::new(),
        }
    }

    fn server(egg: &Egg) -> servers::Model {
        servers::Model {
            id: "01arz3ndektsv4rrffq69g5fav".into(),
            name: "one".into(),
            description: String::new(),
            owner_id: String::new(),
            node_id: String::new(),
            egg_id: String::new(),
            image: egg.images[0].image.clone(),
            startup: egg.startup_commands[0].command.clone(),
            limits: json!({"memory_bytes": 512 * MB, "cpu_percent": 50.0}),
            crash_policy: json!({}),
            suspended: false,
            generation: 1,
            rev: 1,
            power: "stop".into(),
            power_generation: 0,
            restarts: 0,
            intent: None,
            intent_at_ms: None,
            spec: Vec::new(),
            state: "new".into(),
            state_since_ms: 0,
            state_reason: None,
            state_detail: None,
            observed_generation: 0,
            run_id: None,
            run_started_at_ms: None,
            last_exit: None,
            install: None,
            created_at_ms: 0,
            updated_at_ms: 0,
            deleted_at_ms: None,
        }
    }

    fn env<'a>(spec: &'a wire::ServerSpec, name: &str) -> Option<&'a str> {
        spec.env
            .iter()
            .find(|e| e.name == name)
            .map(|e| e.value.as_str())
    }

    #[test]
    fn a_game_gets_its_port_memory_and_start_command() {
        let spec = spec(&parts()).unwrap();
        assert_eq!(env(&spec, "SERVER_PORT"), Some("25570"));
        assert_eq!(env(&spec, "SERVER_MEMORY"), Some("512"));
        assert_eq!(env(&spec, "STARTUP"), Some(spec.startup.as_str()));
        assert!(spec.startup.contains("{{"), "stays raw: {}", spec.startup);
        assert_eq!(
            env(&spec, "P_SERVER_UUID").map(str::len),
            Some(36),
            "{:?}",
            env(&spec, "P_SERVER_UUID")
        );
        let ports: Vec<u32> = spec.ports.iter().map(|p| p.port).collect();
        assert_eq!(ports, [25570, 25571]);
        assert!(!spec.done.is_empty());
    }

    #[test]
    fn config_files_have_their_placeholders_replaced() {
        let spec = spec(&parts()).unwrap();
        let file = &spec.config_files[0];
        assert_eq!(file.path, "server.properties");
        let port = file.find.iter().find(|f| f.key == "server-port").unwrap();
        assert_eq!(port.value_json, "\"25570\"");
        assert!(!file.keep_absent);
    }

    #[test]
    fn a_file_that_the_egg_does_not_create_is_sent_as_such() {
        let mut parts = parts();
        parts.egg.config_files[0].create = false;
        assert!(spec(&parts).unwrap().config_files[0].keep_absent);
    }

    #[test]
    fn an_installer_gets_room_even_for_a_small_server() {
        let spec = spec(&parts()).unwrap();
        let limits = spec.install.unwrap().limits.unwrap();
        assert_eq!(limits.memory_bytes, INSTALL_MEMORY_BYTES);
        assert!((limits.cpu_percent - 100.0).abs() < f64::EPSILON);
        assert_eq!(limits.pids, PIDS);
    }

    #[test]
    fn a_variable_that_leads_a_file_out_of_the_root_is_refused() {
        let mut parts = parts();
        parts.egg.config_files[0].path = "{{LEVEL}}/x.txt".into();
        parts.variables[0].0.env = "LEVEL".into();
        parts.variables[0].1 = "../../etc".into();
        assert!(matches!(spec(&parts), Err(Error::Invalid(_))));
    }
}
