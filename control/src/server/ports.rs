//! Ports of a server that are added, given back or made the first one.

use sea_orm::{ConnectionTrait, EntityTrait};
use warren_entity::{nodes, servers};
use warren_proto::state::State;

use super::dto::{PortChange, PortChoice, PortRequest};
use crate::{
    access::Key,
    allocation::{
        ports::LOWEST,
        take::{self, Choice, Wish},
    },
    auth::ServerAccess,
    error::{Error, Fields, Result},
    transfer,
};

/// Ports beside the primary one.
const MOST: usize = 32;

/// What one must hold for a change. How many ports a server has is a limit, which admins set.
/// # Errors
/// 403.
pub fn require(access: &ServerAccess, change: &PortChange) -> Result<()> {
    for (asked, key) in [
        (
            change.extra > 0 || !change.add.is_empty(),
            Key::ServerLimits,
        ),
        (!change.remove.is_empty(), Key::AllocationDelete),
        (change.primary.is_some(), Key::AllocationUpdate),
    ] {
        if asked {
            access.require(key)?;
        }
    }
    Ok(())
}

fn check_choices(fields: &mut Fields, field: &str, choices: &[PortChoice]) {
    for choice in choices {
        fields.check(
            choice.port >= LOWEST,
            field,
            "out_of_range",
            format!("is at least {LOWEST}"),
        );
        let ip = choice.ip.as_deref();
        fields.check(
            ip.is_none_or(|ip| ip.parse::<std::net::IpAddr>().is_ok()),
            field,
            "invalid",
            "names an IP address of the node, or none",
        );
    }
}

fn choice(choice: &PortChoice) -> Choice {
    Choice {
        ip: choice.ip.clone(),
        port: choice.port,
    }
}

/// The wish of a new server.
pub fn wish(fields: &mut Fields, ask: &PortRequest) -> Wish {
    fields.check(
        usize::from(ask.extra) + ask.more.len() <= MOST,
        "ports.extra",
        "out_of_range",
        format!("is at most {MOST}, with those in `more`"),
    );
    let primary = ask.primary.map(|port| PortChoice { ip: None, port });
    check_choices(fields, "ports.primary", primary.as_slice());
    check_choices(fields, "ports.more", &ask.more);
    Wish {
        primary: primary.as_ref().map(choice),
        more: ask.more.iter().map(choice).collect(),
        any: ask.extra,
    }
}

/// Checks the shape of a change.
pub fn check(fields: &mut Fields, change: &PortChange) {
    check_choices(fields, "ports.add", &change.add);
    fields.check(
        usize::from(change.extra) + change.add.len() <= MOST,
        "ports.extra",
        "out_of_range",
        format!("is at most {MOST}, with those in `add`"),
    );
}

/// Carries a change out. The rows of node and server must be locked by the transaction.
/// # Errors
/// 409 for a port that is not free, or that the running game has; 422 names the field.
pub async fn change(
    db: &impl ConnectionTrait,
    row: &servers::Model,
    change: &PortChange,
    now_ms: i64,
) -> Result<()> {
    // Those that it gets on its new node are kept already.
    transfer::stays(db, &row.id).await?;
    let before = take::of_server(db, &row.id).await?;
    let known = |id: &str| before.iter().any(|a| a.id == id);
    let unknown = |field| Error::field(field, "unknown", "is no port of this server");
    let removed: Vec<String> = change.remove.iter().map(ToString::to_string).collect();
    if !removed.iter().all(|id| known(id)) {
        return Err(unknown("ports.remove"));
    }
    let primary = change.primary.map(|id| id.to_string());
    if primary.as_ref().is_some_and(|id| !known(id)) {
        return Err(unknown("ports.primary"));
    }
    let first = before.iter().find(|a| a.is_primary).map(|a| a.id.clone());
    let first = primary.clone().or(first);
    if first.is_some_and(|id| removed.contains(&id)) {
        return Err(Error::field(
            "ports.remove",
            "primary",
            "holds the first port; make another one the first",
        ));
    }
    let added = usize::from(change.extra) + change.add.len();
    if added > 0 && before.len() - removed.len() + added > MOST + 1 {
        return Err(Error::field(
            "ports.add",
            "out_of_range",
            format!("a server has at most {MOST} ports beside its first"),
        ));
    }
    if !removed.is_empty() {
        let starts = row.intent.as_deref() == Some("start");
        let up = row.state.parse::<State>().is_ok_and(State::is_up) || starts;
        if up || row.intent.as_deref() == Some("restart") {
            return Err(Error::conflict(
                "server_running",
                "the game has the port until it stops; stop it, then give the port back",
            ));
        }
        take::give_back(db, &row.id, &removed).await?;
    }
    if added > 0 {
        let node = nodes::Entity::find_by_id(&*row.node_id).one(db).await?;
        let node = node.ok_or_else(|| Error::not_found("node"))?;
        let wish = Wish {
            primary: None,
            more: change.add.iter().map(choice).collect(),
            any: change.extra,
        };
        let has_primary = before.iter().any(|a| a.is_primary);
        take::take(db, &node, &row.id, &wish, has_primary, now_ms).await?;
    }
    if let Some(id) = primary {
        take::make_primary(db, &row.id, &id).await?;
    }
    Ok(())
}
