//! Control's ear and hand in account SYS: pushes what is refused until every nats-server has taken it, and
//! hears connections begin and end.

use std::time::Duration;

use anyhow::Result;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use warren_entity::{counters, revoked_keys};
use warren_proto::{
    bus::{
        Bus,
        accounts::{Account, Revocations},
        sys::{Presence, Presences, Pusher},
    },
    ids::NodeId,
    subjects::down,
    wire,
};

use super::{command, credential, presence};
use crate::{app::App, db::Lane, keys, wanted};

/// Looked again this often for servers that are new or were away.
const AGAIN: Duration = Duration::from_secs(30);
/// While a server has not answered.
const SOON: Duration = Duration::from_secs(1);
const ANSWERS: Duration = Duration::from_millis(900);
const IAT: &str = "bus.iat";
/// A reconnect takes this long at least; only then is a node asked whether it is still there.
const GRACE: Duration = Duration::from_millis(400);

/// Runs until `stop`.
pub async fn run(app: App, sys: Bus, stop: CancellationToken) {
    let pushing = futures_util::future::join(
        push_all(app.clone(), sys.clone(), Account::Edge),
        push_all(app.clone(), sys.clone(), Account::Read),
    );
    let hearing = hear_all(app, sys);
    tokio::select! {
        () = stop.cancelled() => {}
        _ = pushing => {}
        () = hearing => {}
    }
}

/// Keeps one account's JWT on every server. What is newly refused is pushed at once; which servers there are
/// is looked at in between, and given up for a nudge.
async fn push_all(app: App, sys: Bus, account: Account) {
    let mut revoked = app.nudges.on_revoked();
    let mut pusher = Pusher::new(sys.clone(), app.keys.storage);
    let mut look = true;
    loop {
        let mut wait = SOON;
        if sys.is_up() {
            match push(&app, &mut pusher, account).await {
                Ok(missing) if missing.is_empty() => wait = AGAIN,
                Ok(missing) => {
                    tracing::warn!(?missing, "nats-servers have not taken the revocations yet")
                }
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "revocations could not be pushed"
                    );
                }
            }
            if look {
                tokio::select! {
                    seen = pusher.look_around(Duration::from_millis(500)) => {
                        look = seen.is_err();
                        // What was just pushed is judged by the servers that are known now.
                        wait = SOON;
                    }
                    told = revoked.recv() => {
                        if matches!(told, Err(RecvError::Closed)) { return }
                        continue;
                    }
                }
            }
        } else {
            look = true;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {
                // Servers may have joined the cluster.
                look |= wait == AGAIN;
            }
            told = revoked.recv() => if matches!(told, Err(RecvError::Closed)) { return },
        }
    }
}

/// Gives the servers that have not taken it. Does nothing while none of them would learn anything.
async fn push(app: &App, pusher: &mut Pusher, account: Account) -> Result<Vec<String>> {
    if !pusher.needs(account, &keys::revocations(&app.db, account).await?) {
        return Ok(Vec::new());
    }
    let iat = next_iat(app).await?;
    // Read after the number was taken: whatever was committed before it is in.
    let refused: Revocations = keys::revocations(&app.db, account).await?;
    let pushed = pusher
        .push(&app.keys.realm, account, &refused, iat, ANSWERS)
        .await?;
    measure(app, account, refused.len(), pushed.bytes);
    Ok(pusher.missing(&pushed))
}

/// Current nats-servers take no token above 1 MiB (2.15.1 says so), whatever their `max_payload`.
const LONGEST_TOKEN: usize = 1 << 20;

/// A list that does not fit into one message can't be pushed: nothing could be revoked any more.
fn measure(app: &App, account: Account, keys: usize, bytes: usize) {
    let most = app.bus.raw().server_info().max_payload.min(LONGEST_TOKEN);
    ::metrics::gauge!("warren_control_refused_keys", "account" => account.name()).set(keys as f64);
    ::metrics::gauge!("warren_control_account_jwt_bytes", "account" => account.name())
        .set(bytes as f64);
    ::metrics::gauge!("warren_control_account_jwt_limit_bytes").set(most as f64);
    if is_near(bytes, most) {
        tracing::error!(
            account = account.name(),
            keys,
            bytes,
            most,
            "the list of refused keys is near the longest that nats-server takes; beyond it nothing can be \
             revoked: find out who rotates keys or makes event consumers so often, and see that max_payload \
             in its configuration is not below 2MB"
        );
    }
}

/// Two thirds: 700 KiB where a message has at most 1 MiB.
fn is_near(bytes: usize, most: usize) -> bool {
    most > 0 && bytes > most / 3 * 2
}

/// A second that no other push of any control has used: servers keep the newer of two.
async fn next_iat(app: &App) -> Result<i64> {
    let now_s = app.clock.now_s();
    let tx = app.db.begin(Lane::Machines).await?;
    let mut iat = wanted::count(&*tx, IAT, 1).await?;
    if iat < now_s {
        iat = now_s;
        counters::Entity::update_many()
            .col_expr(counters::Column::Value, Expr::value(iat))
            .filter(counters::Column::Name.eq(IAT))
            .exec(&*tx)
            .await?;
    }
    tx.commit().await?;
    Ok(iat)
}

/// Drops refused keys whose last JWT has ended by itself.
/// # Errors
/// Database.
pub async fn prune(ground: &crate::app::Ground) -> Result<u64, sea_orm::DbErr> {
    let tx = ground.db.begin(Lane::Machines).await?;
    let gone = revoked_keys::Entity::delete_many()
        .filter(revoked_keys::Column::ExpiresAtMs.lt(ground.clock.now_ms() - 86_400_000))
        .exec(&*tx)
        .await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}

async fn hear_all(app: App, sys: Bus) {
    loop {
        match Presences::watch(&sys, &app.keys.realm, Account::Edge).await {
            Ok(mut presences) => {
                while let Some(presence) = presences.next().await {
                    heard(&app, presence);
                }
            }
            Err(error) => tracing::warn!(%error, "connections of nodes can't be watched"),
        }
        tokio::time::sleep(SOON).await;
    }
}

/// Each in its own task: a slow database or node must not delay the next word.
fn heard(app: &App, presence: Presence) {
    let Some(node) = presence.node else { return };
    let app = app.clone();
    tokio::spawn(async move {
        let result = if presence.connected {
            credential::spoke(&app, node, &presence.user_key).await
        } else {
            left(&app, node).await
        };
        if let Err(error) = result {
            tracing::warn!(%error, node.id = %node, "the connection of node {node} was not noted; its heartbeat settles it");
        }
    });
}

/// A connection ended. The node may have another, or be back already: it is asked.
async fn left(app: &App, node: NodeId) -> Result<(), sea_orm::DbErr> {
    let ended_ms = app.clock.now_ms();
    tokio::time::sleep(GRACE).await;
    let ask = wire::JobAsk {
        ask: Some(wire::job_ask::Ask::Status(wire::JobStatusAsk {
            job: String::new(),
        })),
    };
    let answer =
        command::ask::<wire::JobStatus>(app, node, down::JOBS, &ask, command::ANSWER).await;
    let there = match answer {
        Ok(_) => true,
        // Any answer of its own is a sign of life.
        Err(command::AskError::Call(warren_proto::bus::CallError::Failed { .. })) => true,
        Err(_) => false,
    };
    if !there {
        presence::gone(app, node, ended_ms).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_comes_while_there_is_room() {
        let mib = 1 << 20;
        assert!(!is_near(680 * 1024, mib));
        assert!(is_near(700 * 1024, mib));
        assert!(!is_near(700 * 1024, 8 * mib));
        assert!(!is_near(1, 0), "not connected yet");
    }
}
