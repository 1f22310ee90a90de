//! Files over HTTP: parts, conditions and refusals, with a node that keeps them in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use reqwest::{Method, header};
use serde_json::json;
use sha2::{Digest, Sha256};
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
    a_write_over_a_changed_file_is_refused
    what_the_node_refuses_is_told_as_it_is
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
}

fn etag(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
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
                let more = entries.len() > list.limit as usize;
                let shown = &entries[..entries.len().min(list.limit as usize)];
                Ok(ask.ok(&wire::FileEntries {
                    next: if more {
                        shown.last().unwrap().to_string()
                    } else {
                        String::new()
                    },
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
                for path in delete.paths {
                    self.files.remove(&path).ok_or_else(|| missing(&path))?;
                }
                Ok(ask.ok(&wire::Accepted {}))
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
    scene
        .admin
        .post(&scene.path("/files/delete"), gone)
        .await
        .expect(204);
    use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
    let audited = audit_log::Entity::find()
        .filter(audit_log::Column::ServerId.eq(scene.server.to_string()))
        .count(scene.panel.world.app.db.read())
        .await
        .unwrap();
    assert_eq!(audited, 4, "two writes, a move, a removal");
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
