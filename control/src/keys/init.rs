//! `warren-control init`: makes the keys and writes what nats-server and the gateway start with.

use std::{
    fs::DirBuilder,
    net::IpAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use warren_entity::revoked_keys;
use warren_proto::{
    bus::{
        accounts::{Account, Revocations, Storage},
        config::{ServerConfig, Tls},
        creds::{Creds, Seed},
        version::{self, Support, Version},
    },
    ids::GatewayId,
};

use super::{Keys, Sealer, seal::write_private};
use crate::{
    clock::Clock,
    config::{Config, KEY_VARIABLE},
    db::{Db, Lane, Role},
};

/// What `init` was asked for.
#[derive(Debug, Clone)]
pub struct Init {
    /// Where nats.conf, certificates and nats-server's data go.
    pub nats_dir: PathBuf,
    /// `host:port` to listen on; port -1 picks a free one.
    pub listen: String,
    /// `host:port` of the monitoring pages, loopback.
    pub monitor: Option<String>,
    /// Names and addresses by which others reach nats-server, besides loopback.
    pub addresses: Vec<String>,
    /// On even where only loopback is known.
    pub tls: bool,
    /// nats-server's program, asked for its version.
    pub nats_server: PathBuf,
}

/// What `init` made, printed as JSON.
#[derive(Debug, Serialize)]
pub struct Made {
    /// Keys were made now; false on a later run.
    pub created: bool,
    /// For `nats-server -c`.
    pub nats_conf: PathBuf,
    /// Address for control and gateway.
    pub nats_url: String,
    /// Whether nats-server speaks TLS.
    pub nats_tls: bool,
    /// Version found.
    pub nats_version: String,
    /// Old enough to warn about.
    pub nats_dated: bool,
    /// PEM of the CA.
    pub ca: PathBuf,
    /// The gateway's credential.
    pub gateway_creds: PathBuf,
    /// What the secrets are sealed with; keep it apart from database backups.
    pub key_file: PathBuf,
    /// The operator's root: move it off this machine. Only when it was made now.
    pub operator_seed: Option<PathBuf>,
}

/// Makes what is missing and writes the files anew; safe to repeat.
/// # Errors
/// Names the file, the missing program or the setting.
pub async fn init(config: &Config, clock: &Clock, ask: &Init) -> Result<Made> {
    let version = nats_version(&ask.nats_server)?;
    // Before anything is made: nothing is half done.
    if version.support() == Support::TooOld {
        anyhow::bail!(
            "{} is nats-server {version}, and {} is the oldest that works: install a newer one, or name another \
             with --nats-server",
            ask.nats_server.display(),
            version::FLOOR
        );
    }
    for dir in [&config.data_dir, &ask.nats_dir] {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.with_context(|| format!("make {}", dir.display()))?;
    }
    let db = Db::open(config, Role::Tool).await?;
    let (keys, root) = make_keys(config, clock, &db).await?;
    let operator_seed = match root {
        Some(root) => {
            let path = config.data_dir.join("operator.seed");
            write_private(&path, root.expose().as_bytes())
                .with_context(|| format!("write {}", path.display()))?;
            Some(path)
        }
        None => None,
    };
    let ca = config.data_dir.join("ca.pem");
    std::fs::write(&ca, &keys.ca.cert_pem).with_context(|| format!("write {}", ca.display()))?;
    let with_tls = ask.tls || !ask.addresses.is_empty() || !is_loopback(&ask.listen);
    let tls = with_tls
        .then(|| server_certificate(&keys, ask, &ca))
        .transpose()?;
    let conf = write_conf(&keys, &db, clock, ask, tls, version).await?;
    let gateway_creds = config.data_dir.join("gateway.creds");
    gateway_credential(&keys, clock, &gateway_creds, operator_seed.is_some())?;
    let scheme = if with_tls { "tls" } else { "nats" };
    Ok(Made {
        created: operator_seed.is_some(),
        nats_conf: conf,
        nats_url: format!("{scheme}://{}", reach(&ask.listen)),
        nats_tls: with_tls,
        nats_version: version.to_string(),
        nats_dated: version.support() == Support::Dated,
        ca,
        gateway_creds,
        key_file: config.key_path(),
        operator_seed,
    })
}

async fn make_keys(config: &Config, clock: &Clock, db: &Db) -> Result<(Keys, Option<Seed>)> {
    match Keys::load(config, db.read()).await {
        Ok(keys) => return Ok((keys, None)),
        Err(super::Error::NotMade) => {}
        Err(error) => return Err(error.into()),
    }
    let variable = std::env::var(KEY_VARIABLE).ok();
    let path = config.key_path();
    let sealer = match Sealer::load(variable.as_deref(), &path) {
        Err(super::SealError::Missing(_)) => Sealer::create(&path)?,
        other => other?,
    };
    let storage = Storage {
        file_bytes: Storage::default()
            .file_bytes
            .max(config.event_max_bytes.saturating_mul(2)),
        ..Storage::default()
    };
    let tx = db.begin(Lane::People).await?;
    let made = Keys::create(sealer, &*tx, storage, clock.now_ms()).await?;
    tx.commit().await?;
    Ok(made)
}

fn nats_version(program: &Path) -> Result<Version> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| {
        format!(
            "{} can't be run: install nats-server 2.9.10 or newer (apt-get install nats-server)",
            program.display()
        )
    })?;
    Ok(version::from_banner(&String::from_utf8_lossy(
        &output.stdout,
    ))?)
}

fn is_loopback(listen: &str) -> bool {
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Where this machine itself reaches `listen`.
fn reach(listen: &str) -> String {
    match listen.rsplit_once(':') {
        Some(("0.0.0.0" | "[::]" | "", port)) => format!("127.0.0.1:{port}"),
        _ => listen.to_owned(),
    }
}

fn server_certificate(keys: &Keys, ask: &Init, ca: &Path) -> Result<Tls> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    names.extend(ask.addresses.iter().cloned());
    let tls = Tls {
        cert: ask.nats_dir.join("server.pem"),
        key: ask.nats_dir.join("server.key"),
        ca: ca.to_path_buf(),
    };
    let issued = keys
        .ca
        .issue(&names)
        .with_context(|| format!("make a certificate for {names:?}"))?;
    let write = || -> std::io::Result<()> {
        std::fs::write(&tls.cert, issued.cert_pem)?;
        if tls.key.exists() {
            std::fs::remove_file(&tls.key)?;
        }
        write_private(&tls.key, issued.key_pem.as_bytes())
    };
    write().with_context(|| format!("write {}", tls.cert.display()))?;
    Ok(tls)
}

async fn write_conf(
    keys: &Keys,
    db: &Db,
    clock: &Clock,
    ask: &Init,
    tls: Option<Tls>,
    version: Version,
) -> Result<PathBuf> {
    let (edge, read) = (
        revocations(db, Account::Edge).await?,
        revocations(db, Account::Read).await?,
    );
    let server = ServerConfig {
        server_name: "warren".into(),
        listen: ask.listen.clone(),
        monitor: ask.monitor.clone(),
        dir: ask.nats_dir.clone(),
        storage: keys.storage,
        tls,
        cluster: None,
        pid_file: None,
        ports_dir: ask.listen.ends_with(":-1").then(|| ask.nats_dir.clone()),
        version,
    };
    let of = |account| match account {
        Account::Edge => edge.clone(),
        Account::Read => read.clone(),
        _ => Revocations::new(),
    };
    let text = server.render(&keys.realm, of, clock.now_s())?;
    let path = ask.nats_dir.join("nats.conf");
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// Keys of `account` that are refused.
/// # Errors
/// Database.
pub(crate) async fn revocations(db: &Db, account: Account) -> Result<Revocations, sea_orm::DbErr> {
    let rows = revoked_keys::Entity::find()
        .filter(revoked_keys::Column::Account.eq(account.name()))
        .all(db.read())
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.public_key, row.revoked_at_s))
        .collect())
}

fn gateway_credential(keys: &Keys, clock: &Clock, path: &Path, new_realm: bool) -> Result<()> {
    if !new_realm && Creds::load(path).is_ok() {
        return Ok(());
    }
    let user = nkeys::KeyPair::new_user();
    let jwt = keys
        .realm
        .mint_gateway(GatewayId::new(), &user.public_key(), clock.now_s(), None)?;
    Creds::new(jwt, Seed::of(&user)?)?.store(path)?;
    Ok(())
}
