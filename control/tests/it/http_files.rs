//! Files over HTTP: parts, conditions and refusals, with a node that keeps them in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use reqwest::{Method, header};
use serde_json::json;
use sha2::{Digest, Sha256};
use warren_control::files::reads;
use warren_entity::audit_log;
use warren_harness::eventually_async;
use warren_proto::{
    bus::{Ask, failure},
    ids::ServerId,
    wire::{self, files_ask::Ask as What},
};

use crate::{
    fake_node::FakeNode,
    http_panel::{Answer, Panel, Person},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_file_is_written_whole_and_read_back
    what_is_read_stands_in_the_log_one_row_for_the_first_and_one_for_the_rest
    a_write_over_a_changed_file_is_refused
    what_the_node_refuses_is_told_as_it_is
    what_is_asked_of_files_reaches_the_node_and_the_audit_log
    a_list_goes_on_where_it_was_and_says_how_much_there_is
    what_is_deleted_is_listed_restored_and_given_up
    a_search_says_what_it_found_and_why_it_ended
    a_typed_line_is_answered_in_three_ways
    a_line_whose_answer_is_lost_is_asked_once_more_under_its_id
}

/// Files of the one server of these tests, and what stdin answers.
#[derive(Default)]
pub struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, Vec<u8>>,
    pub input: wire::InputResult,
    pub typed_ids: Vec<String>,
    pub typed: Vec<(String, String)>,
    /// What else was asked, in words.
    pub asked: Vec<String>,
}

fn etag(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

fn item(path: &str) -> wire::TrashItem {
    wire::TrashItem {
        id: "0a".into(),
        path: path.into(),
        deleted_at_ms: 1000,
        kind: "file".into(),
        disk_bytes: 4096,
        entries: 1,
        until_ms: 2000,
    }
}

impl Disk {
    /// Answers as an agent does.
    pub fn answer(&mut self, ask: &Ask, body: &[u8]) -> Result<Bytes, wire::Failure> {
        let missing =
            |path: &str| failure("file_not_found", &format!("{path} is not there"), false);
        let asked = wire::FilesAsk::decode(body).unwrap();
        match asked.ask.unwrap() {
            What::List(list) => {
                let after = |name: &&String| **name > list.after;
                let entries: Vec<_> = self.files.keys().filter(after).collect();
                let begun = self.files.len() - entries.len();
                self.asked
                    .push(format!("{} {}", list.sort, list.descending));
                let more = entries.len() > list.limit as usize;
                let shown = &entries[..entries.len().min(list.limit as usize)];
                Ok(ask.ok(&wire::FileEntries {
                    next: if more {
                        shown.last().unwrap().to_string()
                    } else {
                        String::new()
                    },
                    total: self.files.len() as u32,
                    truncated: false,
                    shown: (begun + shown.len()) as u32,
                    entries: shown
                        .iter()
                        .map(|name| wire::FileEntry {
                            name: name.to_string(),
                            kind: "file".into(),
                            size_bytes: self.files[*name].len() as u64,
                            ..Default::default()
                        })
                        .collect(),
                }))
            }
            What::Read(read) => {
                let data = self
                    .files
                    .get(&read.path)
                    .ok_or_else(|| missing(&read.path))?;
                let from = (read.offset as usize).min(data.len());
                let to = (from + read.length as usize).min(data.len());
                Ok(ask.ok(&wire::FileContent {
                    data: data[from..to].to_vec(),
                    size_bytes: data.len() as u64,
                    etag: etag(data),
                }))
            }
            What::Write(write) => {
                let now = self.files.get(&write.path).map(|data| etag(data));
                let fits = match &*write.if_match {
                    "" => true,
                    "-" => now.is_none(),
                    "*" => now.is_some(),
                    tag => now.as_deref() == Some(tag),
                };
                if !fits {
                    return Err(failure("file_changed", "changed by someone else", false));
                }
                let draft = self.uploads.entry(write.upload.clone()).or_default();
                assert_eq!(draft.len() as u64, write.offset, "parts follow each other");
                assert!(write.data.len() <= 512 * 1024);
                draft.extend(&write.data);
                let written = wire::FileWritten {
                    etag: etag(draft),
                    size_bytes: draft.len() as u64,
                };
                if write.last {
                    let whole = self.uploads.remove(&write.upload).unwrap();
                    self.files.insert(write.path, whole);
                }
                Ok(ask.ok(&written))
            }
            What::Delete(delete) => {
                let mut items = Vec::new();
                for path in delete.paths {
                    self.files.remove(&path).ok_or_else(|| missing(&path))?;
                    if !delete.permanent {
                        items.push(item(&path));
                    }
                }
                Ok(ask.ok(&wire::FilesTrashed { items }))
            }
            What::Mkdir(mkdir) => Err(failure(
                "file_exists",
                &format!("{} exists", mkdir.path),
                false,
            )),
            What::Rename(rename) => {
                let data = self
                    .files
                    .remove(&rename.from)
                    .ok_or_else(|| missing(&rename.from))?;
                self.files.insert(rename.to, data);
                Ok(ask.ok(&wire::Accepted {}))
            }
            What::Stat(stat) => {
                let data = self
                    .files
                    .get(&stat.path)
                    .ok_or_else(|| missing(&stat.path))?;
                Ok(ask.ok(&wire::FileEntry {
                    name: stat.path,
                    kind: "symlink".into(),
                    size_bytes: data.len() as u64,
                    target: if stat.follow { "" } else { "else" }.into(),
                    kept_back: true,
                    ..Default::default()
                }))
            }
            What::Checksum(sum) => Ok(ask.ok(&wire::FileChecksum {
                digest: sum.algorithm,
                size_bytes: 3,
                etag: "e".into(),
            })),
            What::Usage(_) => Ok(ask.ok(&wire::FileUsage {
                disk_bytes: 4096,
                entries: 7,
                complete: false,
            })),
            What::Copy(copy) => {
                self.asked.push(format!("copy {} {}", copy.from, copy.to));
                Ok(ask.ok(&wire::FileCopied {
                    entries: 3,
                    bytes: 5,
                    skipped: 1,
                }))
            }
            What::Chmod(chmod) => {
                self.asked
                    .push(format!("chmod {:o} {}", chmod.mode, chmod.paths.join(" ")));
                Ok(ask.ok(&wire::Accepted {}))
            }
            What::Symlink(link) => {
                self.asked
                    .push(format!("link {} {}", link.path, link.target));
                Ok(ask.ok(&wire::Accepted {}))
            }
            What::TrashList(list) => {
                self.asked
                    .push(format!("trash {} {}", list.after, list.limit));
                Ok(ask.ok(&wire::TrashItems {
                    items: vec![item("a")],
                    next: "01".into(),
                    total: 2,
                    disk_bytes: 8192,
                }))
            }
            What::TrashRestore(restore) if restore.to.is_empty() && !restore.rename => {
                Err(failure("file_exists", "something is there", false))
            }
            What::TrashRestore(restore) => Ok(ask.ok(&wire::TrashRestored {
                path: format!("{}{}", restore.to, restore.rename),
            })),
            What::TrashEmpty(empty) => {
                self.asked.push(format!("empty {}", empty.ids.join(" ")));
                Ok(ask.ok(&wire::Accepted {}))
            }
            What::Search(search) if search.regex => {
                Err(failure("unknown", "that is no pattern", false))
            }
            What::Search(search) => Ok(ask.ok(&wire::FileMatches {
                matches: vec![
                    wire::FileMatch {
                        path: search.name,
                        ..Default::default()
                    },
                    wire::FileMatch {
                        path: "b".into(),
                        line: 3,
                        text: search.content,
                        ..Default::default()
                    },
                ],
                files: 2,
                bytes: 10,
                skipped: 1,
                cut: "time".into(),
            })),
            What::ArchiveList(list) if list.path == "/no.zip" => {
                Err(failure("archive_unknown", "that is no archive", false))
            }
            What::ArchiveList(list) => {
                self.asked.push(format!(
                    "archive {} {} {} {}",
                    list.path, list.inside, list.after, list.limit
                ));
                let entry = |name: &str, kind: &str, about: &str| wire::ArchiveEntry {
                    name: name.into(),
                    kind: kind.into(),
                    size_bytes: 3,
                    modified_at_ms: 0,
                    about: about.into(),
                };
                Ok(ask.ok(&wire::ArchiveEntries {
                    format: "zip".into(),
                    entries: vec![
                        entry("world", "directory", ""),
                        entry("link", "symlink", "world/x"),
                        entry("sda", "refused", "device"),
                        entry("odd", "of another agent", ""),
                    ],
                    next: "f/odd".into(),
                    total: 9,
                    all: 70,
                }))
            }
            What::Times(_) | What::Remove(_) | What::Room(_) => {
                Err(failure("unknown", "not over HTTP", false))
            }
        }
    }

    pub fn console(&mut self, ask: &Ask, body: &[u8]) -> Result<Bytes, wire::Failure> {
        let asked = wire::ConsoleAsk::decode(body).unwrap();
        let Some(wire::console_ask::Ask::Input(input)) = asked.ask else {
            return Err(failure("unknown", "no input", false));
        };
        let line = String::from_utf8(input.line).unwrap();
        self.typed.push((line, input.actor));
        self.typed_ids.push(input.id);
        Ok(ask.ok(&wire::InputAnswer {
            result: self.input.into(),
        }))
    }
}

struct Scene {
    panel: Panel,
    node: FakeNode,
    admin: Person,
    server: ServerId,
}

impl Scene {
    async fn set(world: World) -> Self {
        let panel = Panel::open(world).await;
        let admin = panel.as_admin().await;
        let node = FakeNode::join(&panel.world).await;
        let server = panel.world.server(node.id).await;
        Self {
            panel,
            node,
            admin,
            server,
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/servers/{}{rest}", self.server)
    }

    async fn put(&self, file: &str, headers: &[(&'static str, &str)], data: Vec<u8>) -> Answer {
        let path = format!(
            "/api/v1{}",
            self.path(&format!("/files/content?path={file}"))
        );
        let mut request = self.admin.request(Method::PUT, &path).body(data);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await
    }
}

async fn a_file_is_written_whole_and_read_back(world: World) {
    let scene = Scene::set(world).await;
    let data: Vec<u8> = (0..1_048_576u32).map(|n| b'a' + (n % 23) as u8).collect();
    let written = scene.put("big.txt", &[], data.clone()).await.expect(200);
    assert_eq!(written["size_bytes"], data.len() as u64);
    let read = scene
        .admin
        .get(&scene.path("/files/content?path=big.txt"))
        .await;
    assert!(read.text.as_bytes() == data);
    assert_eq!(
        read.headers[header::CONTENT_TYPE],
        "application/octet-stream"
    );
    assert_eq!(read.headers[header::CONTENT_DISPOSITION], "attachment");
    let etag = read.headers[header::ETAG].to_str().unwrap();
    assert_eq!(etag.trim_matches('"'), written["etag"]);
    let larger = [data, vec![b'x']].concat();
    let larger = scene.put("big.txt", &[], larger).await;
    assert_eq!(larger.problem(413), "file_too_large");
    scene.put("a.txt", &[], Vec::new()).await.expect(200);
    let page = scene
        .admin
        .get(&scene.path("/files?limit=1"))
        .await
        .expect(200);
    assert_eq!(page["items"][0]["name"], "a.txt");
    let next = page["next"].as_str().unwrap();
    let page = scene
        .admin
        .get(&scene.path(&format!("/files?cursor={next}")))
        .await
        .expect(200);
    assert_eq!(page["items"][0]["name"], "big.txt");
    let rename = json!({"from": "a.txt", "to": "b.txt"});
    scene
        .admin
        .post(&scene.path("/files/rename"), rename)
        .await
        .expect(204);
    let gone = json!({"paths": ["b.txt", "big.txt"]});
    let gone = scene
        .admin
        .post(&scene.path("/files/delete"), gone)
        .await
        .expect(200);
    assert_eq!(gone["trashed"][0]["path"], "/b.txt");
    use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
    let audited = audit_log::Entity::find()
        .filter(audit_log::Column::ServerId.eq(scene.server.to_string()))
        .count(scene.panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(audited, 5, "two writes, a read, a move, a removal");
}

async fn what_is_read_stands_in_the_log_one_row_for_the_first_and_one_for_the_rest(world: World) {
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
    let scene = Scene::set(world).await;
    for name in ["a", "b", "c"] {
        scene.put(name, &[], vec![b'x'; 7]).await.expect(200);
    }
    let app = &scene.panel.world.app;
    let rows = async || {
        audit_log::Entity::find()
            .filter(audit_log::Column::Action.eq("file.read-content"))
            .order_by_asc(audit_log::Column::Id)
            .all(app.db.read())
            .await
            .unwrap()
    };
    for name in ["a", "b", "c"] {
        let path = scene.path(&format!("/files/content?path={name}"));
        assert_eq!(scene.admin.get(&path).await.status, 200);
    }
    let missing = scene.path("/files/content?path=none");
    assert_ne!(scene.admin.get(&missing).await.status, 200);
    let first = rows().await;
    assert_eq!(first.len(), 1);
    let diff = first[0].diff.clone().unwrap();
    assert_eq!(
        diff,
        json!({"directory": "/", "files": 1, "bytes": 7, "names": ["a"]})
    );
    assert_eq!(first[0].actor_kind, "user");
    assert!(first[0].address.is_some());
    reads::flush(app, false).await.unwrap();
    assert_eq!(rows().await.len(), 1, "the minute is not over");
    reads::flush(app, true).await.unwrap();
    let all = rows().await;
    assert_eq!(all.len(), 2);
    assert_eq!(
        all[1].diff.clone().unwrap(),
        json!({"directory": "/", "files": 2, "bytes": 14, "names": ["b", "c"]})
    );
    reads::flush(app, true).await.unwrap();
    assert_eq!(rows().await.len(), 2);
    // An admin who looks as somebody else has seen it, and nobody else.
    let ann = scene.panel.logged_in("ann", true).await;
    let whom = format!("user:{}", ann.id.unwrap());
    let path = format!("/api/v1{}", scene.path("/files/content?path=a"));
    let request = scene.admin.request(Method::GET, &path);
    let seen = Answer::of(request.header("x-view-as", &*whom).send().await.unwrap()).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let last = rows().await.pop().unwrap();
    assert_eq!(last.actor_id, scene.admin.id.map(|id| id.to_string()));
    assert_eq!(last.diff.unwrap()["seen_as"], "ann");
}

async fn what_is_asked_of_files_reaches_the_node_and_the_audit_log(world: World) {
    let scene = Scene::set(world).await;
    scene.put("a", &[], b"abc".to_vec()).await.expect(200);
    let get = async |rest: &str| scene.admin.get(&scene.path(rest)).await;
    let post = async |rest: &str, body| scene.admin.post(&scene.path(rest), body).await;
    let stat = get("/files/stat?path=a").await.expect(200);
    assert_eq!(
        (&stat["target"], &stat["kept_back"]),
        (&json!("else"), &json!(true))
    );
    let followed = get("/files/stat?path=a&follow=true").await.expect(200);
    assert_eq!(followed["target"], json!(null));
    let sum = get("/files/checksum?path=a").await.expect(200);
    assert_eq!(
        (&sum["digest"], &sum["algorithm"]),
        (&json!("sha256"), &json!("sha256"))
    );
    let sum = get("/files/checksum?path=a&algorithm=sha512")
        .await
        .expect(200);
    assert_eq!(sum["digest"], "sha512");
    get("/files/checksum?path=a&algorithm=md4")
        .await
        .expect(422);
    let usage = get("/files/usage?path=/").await.expect(200);
    assert_eq!(
        usage,
        json!({"disk_bytes": 4096, "entries": 7, "complete": false})
    );
    let copied = post("/files/copy", json!({"from": "a", "to": "b"}))
        .await
        .expect(200);
    assert_eq!(copied, json!({"entries": 3, "bytes": 5, "skipped": 1}));
    post("/files/chmod", json!({"paths": ["a", "b"], "mode": 0o755}))
        .await
        .expect(204);
    post("/files/symlink", json!({"path": "l", "target": "a"}))
        .await
        .expect(204);
    let asked = scene.node.told.lock().unwrap().disk.asked.clone();
    assert_eq!(asked, ["copy a b", "chmod 755 a b", "link l a"]);
    for (rest, body, refused) in [
        (
            "/files/copy",
            json!({"from": "../a", "to": "/"}),
            vec!["from invalid", "to required"],
        ),
        (
            "/files/chmod",
            json!({"paths": [], "mode": 1}),
            vec!["paths out_of_range"],
        ),
        (
            "/files/chmod",
            json!({"paths": ["a"], "mode": 0o4755}),
            vec!["mode out_of_range"],
        ),
        (
            "/files/symlink",
            json!({"path": "l", "target": ""}),
            vec!["target invalid"],
        ),
    ] {
        assert_eq!(post(rest, body).await.fields(), refused, "{rest}");
    }
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
    let rows = audit_log::Entity::find()
        .filter(audit_log::Column::ServerId.eq(scene.server.to_string()))
        .all(scene.panel.world.app.db.read())
        .await
        .unwrap();
    let mut keys: Vec<_> = rows.iter().map(|row| row.action.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["file.create", "file.create", "file.update", "file.update"]
    );
}

async fn what_is_deleted_is_listed_restored_and_given_up(world: World) {
    let scene = Scene::set(world).await;
    let post = async |rest: &str, body| scene.admin.post(&scene.path(rest), body).await;
    scene.put("a", &[], b"x".to_vec()).await.expect(200);
    let gone = json!({"paths": ["a"], "permanent": true});
    let gone = post("/files/delete", gone).await.expect(200);
    assert_eq!(gone, json!({"trashed": []}));
    let page = scene
        .admin
        .get(&scene.path("/files/trash?cursor=03&limit=5"))
        .await
        .expect(200);
    assert_eq!(
        (&page["next"], &page["total"], &page["disk_bytes"]),
        (&json!("01"), &json!(2), &json!(8192))
    );
    assert_eq!(page["items"][0]["until"], "1970-01-01T00:00:02Z");
    let there = post("/files/trash/restore", json!({"id": "0a"})).await;
    assert_eq!(there.problem(409), "file_exists");
    let beside = json!({"id": "0a", "to": "b", "rename": true});
    let beside = post("/files/trash/restore", beside).await.expect(200);
    assert_eq!(beside["path"], "/btrue");
    post("/files/trash/empty", json!({"ids": ["0a", "0b"]}))
        .await
        .expect(204);
    post("/files/trash/empty", json!({})).await.expect(204);
    let asked = scene.node.told.lock().unwrap().disk.asked.clone();
    assert_eq!(asked, ["trash 03 5", "empty 0a 0b", "empty "]);
    for (rest, body, refused) in [
        ("/files/trash/restore", json!({"id": "../x"}), "id unknown"),
        (
            "/files/trash/restore",
            json!({"id": "a", "to": "../x"}),
            "to invalid",
        ),
        ("/files/trash/empty", json!({"ids": [""]}), "ids unknown"),
    ] {
        assert_eq!(post(rest, body).await.fields(), [refused]);
    }
    let cursor = scene
        .admin
        .get(&scene.path("/files/trash?cursor=a/b"))
        .await;
    assert_eq!(cursor.fields(), ["cursor unknown"]);
}

async fn a_search_says_what_it_found_and_why_it_ended(world: World) {
    let scene = Scene::set(world).await;
    let post = async |body| scene.admin.post(&scene.path("/files/search"), body).await;
    let found = post(json!({"name": "n", "content": "c"})).await.expect(200);
    assert_eq!(found["cut"], "time");
    let (first, second) = (&found["items"][0], &found["items"][1]);
    assert_eq!(
        (&first["path"], &first["line"], &first["text"]),
        (&json!("/n"), &json!(null), &json!(null))
    );
    assert_eq!((&second["line"], &second["text"]), (&json!(3), &json!("c")));
    assert_eq!(post(json!({})).await.fields(), ["name required"]);
    assert_eq!(
        post(json!({"name": "x", "limit": 501})).await.fields(),
        ["limit out_of_range"]
    );
    assert_eq!(
        post(json!({"content": "(", "regex": true})).await.fields(),
        ["content invalid"]
    );
    // Names are for who may list, content is for who may read.
    let friend = scene.panel.logged_in("friend", false).await;
    let share = json!({"login": "friend", "keys": ["file.read"]});
    scene
        .admin
        .post(&scene.path("/users"), share)
        .await
        .expect(201);
    let path = scene.path("/files/search");
    friend.post(&path, json!({"name": "x"})).await.expect(200);
    let refused = friend.post(&path, json!({"content": "x"})).await;
    assert_eq!(refused.status.as_u16(), 403);
}

async fn a_list_goes_on_where_it_was_and_says_how_much_there_is(world: World) {
    let scene = Scene::set(world).await;
    for name in ["a", "b", "c"] {
        scene.put(name, &[], Vec::new()).await.expect(200);
    }
    let list = async |query: &str| {
        scene
            .admin
            .get(&scene.path(&format!("/files?{query}")))
            .await
    };
    let page = list("limit=2&sort=size&order=desc").await.expect(200);
    assert_eq!(
        (&page["total"], &page["truncated"]),
        (&json!(3), &json!(false))
    );
    let next = page["next"].as_str().unwrap();
    let page = list(&format!("limit=2&sort=size&order=desc&cursor={next}"))
        .await
        .expect(200);
    assert_eq!(
        (&page["items"][0]["name"], &page["next"]),
        (&json!("c"), &json!(null))
    );
    let asked = scene.node.told.lock().unwrap().disk.asked.clone();
    assert_eq!(asked, ["size true", "size true"]);
    list("sort=colour").await.expect(422);
    assert_eq!(list("cursor=x").await.fields(), ["cursor unknown"]);
}

async fn a_write_over_a_changed_file_is_refused(world: World) {
    let scene = Scene::set(world).await;
    let new = [("if-none-match", "*")];
    let first = scene.put("x", &new, b"one".to_vec()).await.expect(200);
    let again = scene.put("x", &new, b"two".to_vec()).await;
    assert_eq!(again.problem(412), "changed_meanwhile");
    let etag = format!("\"{}\"", first["etag"].as_str().unwrap());
    scene
        .put("x", &[("if-match", &etag)], b"two".to_vec())
        .await
        .expect(200);
    let stale = scene
        .put("x", &[("if-match", &etag)], b"three".to_vec())
        .await;
    assert_eq!(stale.problem(412), "changed_meanwhile");
    let read = scene.admin.get(&scene.path("/files/content?path=x")).await;
    assert_eq!(read.text, "two");
}

async fn what_the_node_refuses_is_told_as_it_is(world: World) {
    let scene = Scene::set(world).await;
    let none = scene
        .admin
        .get(&scene.path("/files/content?path=none"))
        .await;
    assert_eq!(none.problem(404), "file_not_found");
    let mkdir = scene
        .admin
        .post(&scene.path("/files/directories"), json!({"path": "x"}))
        .await;
    assert_eq!(mkdir.problem(409), "file_exists");
    let root = scene
        .admin
        .post(
            &scene.path("/files/delete"),
            json!({"paths": ["/", "../x"]}),
        )
        .await;
    assert_eq!(root.fields(), ["paths[0] required", "paths[1] invalid"]);
    scene.node.told.lock().unwrap().deaf = true;
    let deaf = scene.admin.get(&scene.path("/files")).await;
    assert_eq!(deaf.problem(502), "deaf");
}

async fn a_line_whose_answer_is_lost_is_asked_once_more_under_its_id(world: World) {
    let mut scene = Scene::set(world).await;
    let path = scene.path("/input");
    scene.node.told.lock().unwrap().lose_answers = 1;
    scene.node.told.lock().unwrap().disk.input = wire::InputResult::Written;
    let answer = scene.admin.post(&path, json!({"line": "save"})).await;
    assert_eq!(answer.expect(200)["result"], "written");
    let ids = scene.node.told.lock().unwrap().disk.typed_ids.clone();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    // Its process ends before it answers: the next one is asked, under the same id.
    scene.node.told.lock().unwrap().lose_answers = 1;
    let (answer, ()) = tokio::join!(scene.admin.post(&path, json!({"line": "save"})), async {
        let told = scene.node.told.clone();
        eventually_async("the line to be typed", SOON, || async {
            (told.lock().unwrap().disk.typed_ids.len() == 3).then_some(())
        })
        .await
        .unwrap();
        scene.node.reboot().await;
        scene.node.hello().await.unwrap();
    });
    assert_eq!(answer.expect(200)["result"], "written");
    let ids = scene.node.told.lock().unwrap().disk.typed_ids.clone();
    assert_eq!(ids[2], ids[3]);
    // Lost for good: nobody knows, and that is said.
    scene.node.told.lock().unwrap().lose_answers = 99;
    let unsure = scene.admin.post(&path, json!({"line": "save"})).await;
    assert_eq!(unsure.problem(503), "node_no_answer");
}

async fn a_typed_line_is_answered_in_three_ways(world: World) {
    let scene = Scene::set(world).await;
    let path = scene.path("/input");
    for (result, word) in [
        (wire::InputResult::Written, "written"),
        (wire::InputResult::Busy, "busy"),
        (wire::InputResult::Off, "off"),
    ] {
        scene.node.told.lock().unwrap().disk.input = result;
        let answer = scene
            .admin
            .post(&path, json!({"line": "say ünï; $(id)"}))
            .await;
        assert_eq!(answer.expect(200)["result"], word);
    }
    let typed = scene.node.told.lock().unwrap().disk.typed.clone();
    assert_eq!(typed.len(), 3);
    assert_eq!(typed[0].0, "say ünï; $(id)");
    assert_eq!(typed[0].1, format!("user:{}", scene.admin.id.unwrap()));
    let long = scene
        .admin
        .post(&path, json!({"line": "x".repeat(4095)}))
        .await;
    assert_eq!(long.fields(), ["line too_long"]);
}
