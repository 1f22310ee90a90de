//! What a backup store may be set to.

use super::dto::{BackupStoreUpdate, Kind};
use crate::error::Fields;

/// Nodes that one store is for.
const MOST_PLACES: usize = 100;

/// Says what is wrong with it, if anything, and gives it with its texts as they are kept. What its kind has no use for
/// is left empty.
pub fn check(fields: &mut Fields, kind: Kind, mut req: BackupStoreUpdate) -> BackupStoreUpdate {
    req.name = fields.line("name", &req.name, 64);
    let plain = |fields: &mut Fields, name: &str, text: &str, most: usize, needed: bool| {
        let text = text.trim().to_owned();
        let good = text.chars().count() <= most && !text.chars().any(char::is_control);
        let long = format!("has at most {most} characters and no control characters");
        fields.check(good, name, "invalid", long);
        fields.check(
            !needed || !text.is_empty(),
            name,
            "required",
            "must not be empty",
        );
        text
    };
    match kind {
        Kind::Directory => {
            req.path = plain(fields, "path", &req.path, 1024, false);
            let good = req.path.is_empty()
                || (req.path.starts_with('/') && !req.path.split('/').any(|part| part == ".."));
            let text = "is an absolute path that the nodes' settings allow, or empty";
            fields.check(good, "path", "invalid", text);
            for text in [
                &mut req.endpoint,
                &mut req.region,
                &mut req.bucket,
                &mut req.prefix,
                &mut req.access_key,
            ] {
                text.clear();
            }
            req.secret_key = None;
        }
        Kind::S3 => {
            req.path.clear();
            req.endpoint = plain(fields, "endpoint", &req.endpoint, 512, true);
            let url = reqwest::Url::parse(&req.endpoint).ok();
            let good = url.is_some_and(|url| {
                matches!(url.scheme(), "https" | "http")
                    && url.host_str().is_some_and(|h| !h.is_empty())
                    && url.path() == "/"
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty()
                    && url.password().is_none()
            });
            let text = "is an address without a path: https://s3.example.com";
            fields.check(good, "endpoint", "invalid", text);
            req.region = plain(fields, "region", &req.region, 64, false);
            req.bucket = plain(fields, "bucket", &req.bucket, 255, true);
            let good = !req.bucket.contains(['/', '?', '#']);
            fields.check(good, "bucket", "invalid", "is the name of a bucket");
            req.prefix = plain(fields, "prefix", &req.prefix, 255, false);
            req.access_key = plain(fields, "access_key", &req.access_key, 255, true);
            if let Some(secret) = &req.secret_key {
                let good = !secret.is_empty()
                    && secret.len() <= 1024
                    && !secret.chars().any(char::is_control);
                fields.check(
                    good,
                    "secret_key",
                    "invalid",
                    "is 1 to 1024 plain characters",
                );
            }
        }
    }
    let text = format!("names at most {MOST_PLACES}; leave it empty for all");
    fields.check(req.nodes.len() <= MOST_PLACES, "nodes", "too_many", text);
    req.nodes.sort_unstable();
    req.nodes.dedup();
    req
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(endpoint: &str, path: &str) -> BackupStoreUpdate {
        BackupStoreUpdate {
            name: "a".into(),
            path: path.into(),
            endpoint: endpoint.into(),
            region: String::new(),
            bucket: "b".into(),
            prefix: String::new(),
            access_key: "k".into(),
            secret_key: Some("s".into()),
            nodes: Vec::new(),
        }
    }

    #[test]
    fn an_endpoint_is_an_address_and_a_path_is_absolute() {
        let good = |kind, endpoint: &str, path: &str| {
            let mut fields = Fields::new();
            check(&mut fields, kind, update(endpoint, path));
            fields.is_good()
        };
        assert!(good(Kind::S3, "https://s3.example.com:9000", ""));
        for bad in [
            "",
            "s3.example.com",
            "ftp://x",
            "https://a/b",
            "https://u:p@a",
            "file:///etc",
        ] {
            assert!(!good(Kind::S3, bad, ""), "{bad}");
        }
        assert!(good(Kind::Directory, "", "") && good(Kind::Directory, "", "/srv/backups"));
        for bad in ["srv", "/srv/../etc", "/a\nb"] {
            assert!(!good(Kind::Directory, "", bad), "{bad}");
        }
    }
}
