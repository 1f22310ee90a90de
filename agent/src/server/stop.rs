//! Words, signals and changes for a game that runs. Each in a task of its own: a game that does not
//! read its stdin must not hold its actor.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;
use warren_proto::ids::ServerId;
use warren_proto::wire;
use warren_runtime::console::{Input, StdinWriter};
use warren_runtime::net::NetKey;

use super::deps::Deps;
use super::{convert, start};

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
/// containerd may be restarting: try again so often ...
const TRIES: u32 = 20;
/// ... with this between.
const BETWEEN: Duration = Duration::from_millis(500);

/// Asks the game to end, as its egg says.
pub fn ask(
    deps: Arc<Deps>,
    server: ServerId,
    how: Option<wire::stop::How>,
    stdin: Option<Arc<StdinWriter>>,
) {
    tokio::spawn(async move {
        match how {
            Some(wire::stop::How::Command(command)) => {
                let typed = match stdin {
                    Some(stdin) => stdin.write_line(command.as_bytes()).await,
                    None => Ok(Input::Off),
                };
                if !matches!(typed, Ok(Input::Written)) {
                    deps.consoles.say(
                        server,
                        "the stop command could not be typed; sending SIGTERM",
                    );
                    signal(&deps, server, SIGTERM, false).await;
                }
            }
            Some(wire::stop::How::Signal(number)) if (1..=64).contains(&number) => {
                signal(&deps, server, number, number == SIGKILL).await;
            }
            _ => signal(&deps, server, SIGTERM, false).await,
        }
    });
}

/// Ends all processes of the game at once.
pub fn kill(deps: Arc<Deps>, server: ServerId) {
    tokio::spawn(async move { signal(&deps, server, SIGKILL, true).await });
}

async fn signal(deps: &Deps, server: ServerId, number: i32, all: bool) {
    let Ok(id) = start::container_of(server) else {
        return;
    };
    for _ in 0..TRIES {
        match deps.runtime.kill(&id, number, all).await {
            Ok(()) | Err(warren_runtime::Error::NotFound { .. }) => return,
            Err(e) if e.retryable() => tokio::time::sleep(BETWEEN).await,
            Err(e) => {
                warn!(server.id = %server, "signal {number}: {e}");
                return;
            }
        }
    }
    warn!(server.id = %server, "signal {number} could not be sent: containerd is away");
}

/// Brings limits, ports and egress of a running game in line with a new row.
pub fn change_live(
    deps: &Arc<Deps>,
    server: ServerId,
    before: &wire::WantedServer,
    row: &wire::WantedServer,
) {
    let (Some(old), Some(new)) = (&before.spec, &row.spec) else {
        return;
    };
    let limits = (old.limits != new.limits).then(|| new.limits.clone());
    let moved = old.ports != new.ports || old.egress_allow != new.egress_allow;
    let net = moved.then(|| (old.clone(), new.clone()));
    let (deps, generation) = (deps.clone(), row.generation);
    tokio::spawn(async move {
        if let Some(limits) = limits {
            let text = match set_limits(&deps, server, limits.as_ref()).await {
                Ok(()) => "the new limits are in force".to_owned(),
                Err(e) => format!("the new limits come with the next start: {}", e.detail),
            };
            deps.consoles.say(server, &text);
        }
        if let Some((old, new)) = net
            && let Err(e) = move_ports(&deps, server, generation, &old, &new).await
        {
            let text = format!("the new ports are not published: {}", e.detail);
            deps.consoles.say(server, &text);
        }
    });
}

/// Brings a game that ran on without us in line with its row: the process before us may have been killed
/// between writing a row down and carrying it out, and others may have emptied the firewall meanwhile.
pub fn bring_in_line(deps: &Arc<Deps>, server: ServerId, row: &wire::WantedServer) {
    let Some(spec) = row.spec.clone() else {
        return;
    };
    let deps = deps.clone();
    tokio::spawn(async move {
        if let Err(e) = set_limits(&deps, server, spec.limits.as_ref()).await {
            let text = format!("its limits come with the next start: {}", e.detail);
            deps.consoles.say(server, &text);
        }
        if let Err(e) = publish(&deps, server, &spec).await {
            let text = format!("its ports could not be looked after: {}", e.detail);
            deps.consoles.say(server, &text);
        }
    });
}

async fn set_limits(
    deps: &Deps,
    server: ServerId,
    limits: Option<&wire::Limits>,
) -> Result<(), start::Failure> {
    let id = start::container_of(server)?;
    deps.runtime
        .update_limits(&id, &convert::limits(limits))
        .await?;
    Ok(())
}

async fn publish(
    deps: &Deps,
    server: ServerId,
    spec: &wire::ServerSpec,
) -> Result<(), start::Failure> {
    let key: NetKey = server.to_string().parse()?;
    deps.network.ensure(&key, &convert::network(spec)?).await?;
    Ok(())
}

/// Publishes ports that were added, unless another program of this machine has one of them: leading its
/// traffic elsewhere would cut it off without a word.
async fn move_ports(
    deps: &Arc<Deps>,
    server: ServerId,
    generation: u64,
    old: &wire::ServerSpec,
    new: &wire::ServerSpec,
) -> Result<(), start::Failure> {
    let before = convert::network(old)?.publish;
    let mut added = convert::network(new)?.publish;
    added.retain(|port| !before.contains(port));
    start::check_ports(deps, server, generation, added).await?;
    publish(deps, server, new).await
}
