//! How to reach a server's files by SFTP.

use axum::extract::State;

use super::{
    dto::{SftpDetails, SftpHostKey},
    host_keys,
};
use crate::{
    access::Key,
    app::App,
    auth::{ServerAccess, origin},
    error::{Error, Result},
    http::Json,
    problem::Problems,
};

/// How to reach this server's files by SFTP.
#[utoipa::path(get, path = "/servers/{server}/sftp", tag = "files",
    params(("server" = String, Path, description = "Server id")),
    responses((status = 200, body = SftpDetails), Problems))]
pub async fn get_sftp(State(app): State<App>, access: ServerAccess) -> Result<Json<SftpDetails>> {
    access.require(Key::FileSftp)?;
    let port = app.config.sftp_port;
    if port == 0 {
        return Err(Error::not_found("SFTP, which this panel has off, was"));
    }
    let (id, user) = (access.id.to_string(), &access.caller.user);
    let short = &id[id.len().saturating_sub(super::SHORT)..];
    let username = format!("{}.{short}", user.username);
    let host = host(&app, &access.caller.peer.host);
    let keys = host_keys::public(&app).await?;
    let two_steps = user.second_factor || app.panel.now().second_factor_of.wants(user.admin);
    Ok(Json(SftpDetails {
        url: format!("sftp://{username}@{host}:{port}/"),
        username_long: format!("{}.{id}", user.username),
        username,
        host,
        port,
        password: !two_steps && user.password_hash != crate::auth::password::NO_PASSWORD,
        host_keys: keys
            .into_iter()
            .map(|key| SftpHostKey {
                algorithm: key.kind.into(),
                fingerprint: key.fingerprint,
                public_key: key.line,
            })
            .collect(),
    }))
}

/// What is configured, else the name that the panel is reached by.
fn host(app: &App, asked: &str) -> String {
    let config = &app.config;
    if !config.sftp_host.is_empty() {
        return config.sftp_host.clone();
    }
    let of_url = config.public_url.split("://").nth(1);
    let of_url = of_url.and_then(|rest| rest.split('/').next());
    match of_url.filter(|host| !host.is_empty()) {
        Some(host) => origin::name(host),
        None if !config.address.is_empty() => config.address.clone(),
        None => origin::name(asked),
    }
}
