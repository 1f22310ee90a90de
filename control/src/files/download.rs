//! Files that a node fetches from an address. Whether it may be called is the node's to judge, which resolves its name;
//! here it only has to be one. What is behind a `?` is often worth a password: it is sealed, and gone with the job.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Url;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use warren_entity::operations;
use warren_proto::wire::{self, job_ended::Made, job_start::Work};

use super::{
    ask::{check_path, rooted},
    begin::{Asked, begin_job},
};
use crate::{
    access::Key,
    app::App,
    auth::ServerAccess,
    error::{Error, Fields, Result},
    job::{End, Kind, Ready},
    operation::dto::Operation,
    server::upload,
    text::tame,
};

/// Bytes of an address; signed ones are long.
const MOST_URL: usize = 4096;
/// Bytes of a name, which is what file systems take.
const MOST_NAME: usize = 255;
/// In the log, as a permission key would be.
const WORD: &str = "file.download_remote";

/// What to fetch, and where to.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDownload {
    /// `http` or `https`, without a user or password. What is behind `?` is kept in no log.
    #[schema(example = "https://example.com/files/server.jar", max_length = 4096)]
    pub url: String,
    /// A directory below the server's root, made if it is not there.
    pub path: String,
    /// What the file is called; as the other side says by default.
    #[schema(max_length = 255)]
    pub name: Option<String>,
    /// In place of a file that is there; needs `file.update` too.
    #[serde(default)]
    pub replace: bool,
}

/// What the operation needs to know.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Body {
    /// The address; gone once the job has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    /// What may be told of it.
    from: String,
    to: String,
    name: String,
    replace: bool,
}

fn place(server: &str) -> String {
    format!("download/{server}")
}

/// Begins to fetch a file.
/// # Errors
/// 422; 403 to replace without the right to change files; 409 while another is fetched.
pub async fn download(app: &App, access: &ServerAccess, req: FileDownload) -> Result<Operation> {
    let name = req.name.unwrap_or_default();
    let mut fields = Fields::new();
    let url = checked(&mut fields, &req.url);
    check_path(&mut fields, "path", &req.path, true);
    check_name(&mut fields, &name);
    fields.finish()?;
    let url = url.ok_or_else(|| Error::field("url", "invalid", "is no address"))?;
    let server = access.id.to_string();
    let sealer = &app.keys.sealer;
    let sealed = sealer.seal(&place(&server), url.as_str().as_bytes());
    let body = Body {
        sealed: Some(STANDARD.encode(sealed.map_err(Error::internal)?)),
        from: told(&url),
        to: rooted(&req.path),
        name,
        replace: req.replace,
    };
    let diff = json!({
        "from": body.from,
        "to": body.to,
        "name": body.name,
        "replace": body.replace,
    });
    let keys = match req.replace {
        // What is replaced is gone, as by a write.
        true => &[Key::FileCreate, Key::FileUpdate][..],
        false => &[Key::FileCreate],
    };
    let asked = Asked {
        kind: Kind::Download,
        keys,
        body: json!(body),
        word: WORD,
        diff,
    };
    begin_job(app, access, asked).await
}

fn checked(fields: &mut Fields, text: &str) -> Option<Url> {
    fields.check(
        text.len() <= MOST_URL,
        "url",
        "too_long",
        format!("has at most {MOST_URL} bytes"),
    );
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    let url = Url::parse(text).ok().filter(|_| plain);
    let web = url
        .as_ref()
        .is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    fields.check(web, "url", "invalid", "is an address of http or https");
    let open = url
        .as_ref()
        .is_none_or(|url| url.username().is_empty() && url.password().is_none());
    let text = "holds a user or password; those are sent to nobody";
    fields.check(open, "url", "credentials", text);
    url
}

fn check_name(fields: &mut Fields, name: &str) {
    let long = format!("has at most {MOST_NAME} bytes");
    fields.check(name.len() <= MOST_NAME, "name", "too_long", long);
    let plain = !matches!(name, "." | "..") && !name.contains(['/', '\0']);
    fields.check(plain, "name", "invalid", "is a name, and no path");
}

/// What may be kept and shown of an address.
fn told(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    tame(url.as_str(), 500)
}

/// What the node is told to do.
/// # Errors
/// Database.
pub async fn work(app: &App, job: &operations::Model) -> Result<Ready> {
    let server = job.server_id.as_deref().unwrap_or_default();
    let most = upload::of_server(app, server).await?;
    let body = job.body.clone().unwrap_or_default();
    let body: Option<Body> = serde_json::from_value(body).ok();
    let opened = body.and_then(|body| {
        let sealed = STANDARD.decode(body.sealed.as_ref()?).ok()?;
        let url = app.keys.sealer.open(&place(server), &sealed).ok()?;
        Some((String::from_utf8(url).ok()?, body))
    });
    Ok(match opened {
        Some((url, body)) => Ready::Work(Some(Box::new(Work::Download(wire::DownloadWork {
            url,
            to: body.to,
            name: body.name,
            replace: body.replace,
            max_bytes: most.unwrap_or(0),
        })))),
        None => Ready::refused("internal", "the address can't be read any more"),
    })
}

/// Says where the file stands, and forgets the address.
/// # Errors
/// Database.
pub async fn ended(
    db: &impl ConnectionTrait,
    job: &operations::Model,
    end: End<'_>,
) -> Result<(), DbErr> {
    let body = job.body.clone().unwrap_or_default();
    let mut body: Body = serde_json::from_value(body).unwrap_or_default();
    body.sealed = None;
    let mut update = operations::Entity::update_many()
        .col_expr(operations::Column::Body, Expr::value(json!(body)))
        .filter(operations::Column::Id.eq(&*job.id));
    let made = end.fact.and_then(|fact| fact.made.as_ref());
    if let (Some(Made::Downloaded(made)), "done") = (made, end.state) {
        update = update
            .col_expr(operations::Column::Code, Expr::value("downloaded"))
            .col_expr(
                operations::Column::Message,
                Expr::value(tame(&made.path, 1000)),
            );
    }
    update.exec(db).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(url: &str) -> bool {
        let mut fields = Fields::new();
        checked(&mut fields, url);
        fields.finish().is_err()
    }

    #[test]
    fn only_addresses_of_the_web_without_a_user_are_taken() {
        for bad in [
            "",
            "x",
            "/etc/passwd",
            "ftp://a/x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://",
            "http://me@a/x",
            "http://me:pw@a/x",
            "http://:pw@a/x",
            "http://a/x y",
            "http://a/\r\nx",
            " http://a/",
            &format!("http://a/{}", "x".repeat(5000)),
        ] {
            assert!(refused(bad), "{bad:?}");
        }
        for good in [
            "http://a/x",
            "HTTPS://a.example:8443/x?y=1#z",
            "http://[2606::1]/",
        ] {
            assert!(!refused(good), "{good}");
        }
    }

    #[test]
    fn what_is_secret_of_an_address_is_told_to_nobody() {
        let url = Url::parse("https://a.example/x.jar?X-Amz-Signature=secret#me").unwrap();
        assert_eq!(told(&url), "https://a.example/x.jar");
    }

    #[test]
    fn a_name_is_no_path() {
        let bad = |name: &str| {
            let mut fields = Fields::new();
            check_name(&mut fields, name);
            fields.finish().is_err()
        };
        assert!(
            ["a/b", "..", ".", "a\0", &"x".repeat(256)]
                .into_iter()
                .all(bad)
        );
        assert!(!["", "a", "server.jar", ".env"].into_iter().any(bad));
    }
}
