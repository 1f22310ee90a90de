//! Many people on one panel: roles, shares, accounts, and every way to get more than one was given.

mod people;
mod roles;
mod shares;

use reqwest::Method;
use serde_json::{Value, json};
use warren_control::access::Key;
use warren_proto::ids::{NodeId, ServerId, UserId};

use crate::{
    fake_node::FakeNode,
    http_panel::{Panel, Person},
    world::World,
};

pub struct Many {
    pub panel: Panel,
    pub admin: Person,
    _nodes: [FakeNode; 2],
    pub node: NodeId,
    pub other_node: NodeId,
    pub server: ServerId,
    pub other: ServerId,
}

impl Many {
    pub async fn set(world: World) -> Self {
        let panel = Panel::open(world).await;
        let admin = panel.as_admin().await;
        let nodes = [
            FakeNode::join(&panel.world).await,
            FakeNode::join(&panel.world).await,
        ];
        let starter = admin
            .post("/eggs/starters/minecraft-vanilla", json!({}))
            .await;
        let egg = starter.expect(201)["egg"]["id"].clone();
        let owner = panel.account("owner", false, false).await;
        let mut servers = Vec::new();
        for node in &nodes {
            let wish = json!({
                "name": "one",
                "egg": egg,
                "node": node.id.to_string(),
                "limits": {"memory_bytes": 1 << 30, "cpu_percent": 150},
            });
            let made = admin.post("/servers", wish).await.expect(201);
            let id = made["server"]["id"].as_str().unwrap().to_owned();
            own(&panel, &id, owner).await;
            servers.push(id.parse().unwrap());
        }
        Self {
            panel,
            admin,
            node: nodes[0].id,
            other_node: nodes[1].id,
            _nodes: nodes,
            server: servers[0],
            other: servers[1],
        }
    }

    pub async fn share(&self, server: ServerId, login: &str, keys: Value) -> String {
        let body = json!({"login": login, "keys": keys});
        let path = format!("/servers/{server}/users");
        let made = self.admin.post(&path, body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    pub async fn role(&self, name: &str, keys: Value) -> String {
        let body = json!({"name": name, "keys": keys});
        let made = self.admin.post("/roles", body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    pub async fn grant(
        &self,
        role: &str,
        user: &Person,
        reach: &str,
        target: Option<String>,
    ) -> String {
        let mut body = json!({"user": user.id.unwrap().to_string(), "reach": reach});
        if let Some(target) = target {
            body["target"] = json!(target);
        }
        let path = format!("/roles/{role}/grants");
        let made = self.admin.post(&path, body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }
}

pub async fn names(person: &Person, path: &str) -> Vec<String> {
    let page = person.get(path).await.expect(200);
    let items = page["items"].as_array().unwrap().iter();
    let mut ids: Vec<String> = items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

pub fn sorted(ids: &[ServerId]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.sort();
    ids
}

/// Gives a server to somebody, as an admin would.
pub async fn own(panel: &Panel, server: &str, owner: UserId) {
    use sea_orm::{ActiveModelTrait, ActiveValue::Set};
    let db = &panel.world.app.db;
    let tx = db.begin(warren_control::db::Lane::People).await.unwrap();
    let row = warren_entity::servers::ActiveModel {
        id: Set(server.to_owned()),
        owner_id: Set(owner.to_string()),
        ..Default::default()
    };
    row.update(&*tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// As if their time had come.
pub async fn end_now(many: &Many, table: &str) {
    let now_ms = many.panel.world.app.clock.now_ms();
    use_until(many, table, -now_ms).await;
}

/// All of them end so long after now.
pub async fn use_until(many: &Many, table: &str, after_ms: i64) {
    let until = many.panel.world.app.clock.now_ms() + after_ms;
    use sea_orm::ConnectionTrait;
    let tx = many
        .panel
        .world
        .app
        .db
        .begin(warren_control::db::Lane::People)
        .await
        .unwrap();
    let sql = format!("UPDATE {table} SET expires_at_ms = {until}");
    tx.execute_unprepared(&sql).await.unwrap();
    tx.commit().await.unwrap();
}

/// A call of the API for each key that has one of its own.
pub fn calls(server: ServerId) -> Vec<(Key, Method, String, Option<Value>)> {
    let at = |path: &str| format!("/servers/{}{path}", server);
    vec![
        (
            Key::WebsocketConnect,
            Method::POST,
            at("/ticket"),
            Some(json!({})),
        ),
        (
            Key::ControlConsole,
            Method::POST,
            at("/input"),
            Some(json!({"line": "x"})),
        ),
        (
            Key::ControlStart,
            Method::POST,
            at("/power"),
            Some(json!({"action": "start"})),
        ),
        (
            Key::ControlStop,
            Method::POST,
            at("/power"),
            Some(json!({"action": "stop"})),
        ),
        (
            Key::ControlRestart,
            Method::POST,
            at("/power"),
            Some(json!({"action": "restart"})),
        ),
        (
            Key::SettingsRename,
            Method::PATCH,
            at(""),
            Some(json!({"name": "n"})),
        ),
        (
            Key::StartupUpdate,
            Method::PATCH,
            at(""),
            Some(json!({"variables": {}})),
        ),
        (
            Key::ServerCrashPolicy,
            Method::PATCH,
            at(""),
            Some(json!({"crash_policy": {
                "restart": true, "max_restarts": 3, "window_s": 60, "clean_exit_is_crash": false,
            }})),
        ),
        (Key::FileRead, Method::GET, at("/files?path=/"), None),
        (Key::FileSftp, Method::GET, at("/sftp"), None),
        (
            Key::FileReadContent,
            Method::GET,
            at("/files/content?path=/a"),
            None,
        ),
        (
            Key::FileDelete,
            Method::POST,
            at("/files/delete"),
            Some(json!({"paths": ["/a"]})),
        ),
        (Key::UserRead, Method::GET, at("/users"), None),
        (
            Key::UserCreate,
            Method::POST,
            at("/users"),
            Some(json!({"login": "nobody", "keys": ["server.read"]})),
        ),
        (
            Key::UserUpdate,
            Method::PUT,
            at(&format!("/users/{}", UserId::new())),
            Some(json!({"keys": ["server.read"]})),
        ),
        (
            Key::UserDelete,
            Method::DELETE,
            at(&format!("/users/{}", UserId::new())),
            None,
        ),
        (
            Key::SettingsReinstall,
            Method::POST,
            at("/reinstall"),
            Some(json!({"wipe": false})),
        ),
        (Key::ServerDelete, Method::DELETE, at("?name=wrong"), None),
    ]
}
