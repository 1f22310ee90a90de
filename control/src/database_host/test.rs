//! A look at a host: whether it is there, who it is, and what we may do there.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;
use warren_proto::ids::DatabaseHostId;

use super::{
    dto::DatabaseHostTest,
    engine::{Fault, Found, Session, Target, Why},
    service::hurry,
    store::{find, target},
};
use crate::{
    app::App,
    audit::Entry,
    auth::Caller,
    db::Lane,
    error::{Error, Result},
};

/// For all of it; a person waits.
const PATIENCE: Duration = Duration::from_secs(15);

struct Looked {
    connect: Duration,
    latency: Duration,
    found: Found,
}

/// Looks, and says what there is to say. Every look is in the audit log.
/// # Errors
/// 404; 429 while others are looked at.
pub async fn test(app: &App, caller: &Caller, id: DatabaseHostId) -> Result<DatabaseHostTest> {
    let host = find(app.db.read(), id).await?;
    let now_ms = app.clock.now_ms();
    // Said before it is done: a look is a knock at an address.
    let tx = app.db.begin(Lane::People).await?;
    Entry::word("database_host.test", "database_host", &host.id)
        .with(json!({"address": host.address, "port": host.port}))
        .by(&*tx, caller, now_ms)
        .await?;
    tx.commit().await?;
    let _turn = app.desk.try_turn(&host.id).ok_or_else(|| Error::TooMany {
        code: "database_host_busy",
        detail: "this host has as much in hand as it is given at once; try again in a moment"
            .into(),
        retry_after_s: 5,
    })?;
    let looked = match target(app, &host) {
        Ok(target) => timeout(PATIENCE, look(&target))
            .await
            .unwrap_or_else(|_| Err(Fault::new(Why::TimedOut, "the host takes too long"))),
        Err(fault) => Err(fault),
    };
    let answer = told(looked);
    if answer.ok {
        let tx = app.db.begin(Lane::People).await?;
        hurry(&*tx, &host.id, app.clock.now_ms()).await?;
        tx.commit().await?;
        app.nudges.databases();
    }
    Ok(answer)
}

async fn look(target: &Target) -> Result<Looked, Fault> {
    let began = Instant::now();
    let mut session = Session::open(target).await?;
    let connect = began.elapsed();
    let looked = async {
        // The first answer pays for what the server reads anew.
        session.ping().await?;
        let began = Instant::now();
        session.ping().await?;
        let latency = began.elapsed();
        let found = session.examine(target.engine).await?;
        Ok(Looked {
            connect,
            latency,
            found,
        })
    }
    .await;
    session.close().await;
    looked
}

fn told(looked: Result<Looked, Fault>) -> DatabaseHostTest {
    let ms = |time: Duration| u64::try_from(time.as_millis()).ok();
    match looked {
        Ok(Looked {
            connect,
            latency,
            found,
        }) => {
            let ok = found.missing.is_empty();
            let detail = if ok {
                "the host is there, and databases can be made on it".into()
            } else {
                format!("the account lacks: {}", found.missing.join(", "))
            };
            DatabaseHostTest {
                ok,
                code: (!ok).then(|| Why::Privileges.as_str().to_owned()),
                detail,
                version: Some(found.version),
                connect_ms: ms(connect),
                latency_ms: ms(latency),
                missing: found.missing,
                warnings: found.warnings,
            }
        }
        Err(fault) => DatabaseHostTest {
            ok: false,
            code: Some(fault.why.as_str().to_owned()),
            detail: format!("{}: {}", meaning(fault.why), fault.text),
            version: None,
            connect_ms: None,
            latency_ms: None,
            missing: Vec::new(),
            warnings: Vec::new(),
        },
    }
}

/// What a word means, for a person.
#[must_use]
pub fn meaning(why: Why) -> &'static str {
    match why {
        Why::Unreachable => "nothing answers there",
        Why::TimedOut => "the host took too long",
        Why::Tls => "the connection can't be encrypted as it is set",
        Why::WrongEngine => "what answers there is no such database",
        Why::Credentials => "the host refuses the log-in",
        Why::Privileges => "the account may not do it",
        Why::Busy => "the host has no connection left",
        Why::Refused => "the host refused a statement",
        Why::Sealed => "the stored password can't be read",
    }
}
