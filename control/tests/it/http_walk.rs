//! Every operation of the API, called as nobody and as somebody without power. An operation that is missing
//! from the table here fails the test.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use sea_orm::{EntityTrait, sea_query::Expr};
use serde_json::{Map, Value, json};
use warren_control::{db::Lane, http::openapi};
use warren_entity::api_keys;
use warren_proto::ids::{NodeId, ServerId};

use crate::{
    fake_node::FakeNode,
    http_panel::{Panel, Person},
    on_both,
    world::World,
};

on_both! {
    nobody_gets_anywhere_and_the_powerless_get_their_own_alone
    each_operation_on_a_server_wants_its_own_key_and_says_which
}

/// What somebody without power gets. Servers, nodes and eggs of the walk are others'.
const POWERLESS: &[(&str, u16)] = &[
    ("create_session", 401),
    ("request_password_link", 409),
    ("use_password_link", 422),
    ("request_email_link", 409),
    ("use_email_link", 422),
    ("get_session", 200),
    ("delete_session", 204),
    ("get_account", 200),
    ("update_account", 200),
    ("update_password", 422),
    ("get_second_factor", 200),
    ("begin_second_factor", 422),
    ("confirm_second_factor", 409),
    ("renew_recovery_codes", 409),
    ("end_second_factor", 409),
    ("delete_user_second_factor", 403),
    ("list_ssh_keys", 200),
    ("create_ssh_key", 422),
    ("update_ssh_key", 404),
    ("delete_ssh_key", 404),
    ("get_profile", 200),
    ("set_profile", 200),
    ("set_avatar", 422),
    ("delete_avatar", 404),
    ("get_user_profile", 404),
    ("get_user_avatar", 404),
    ("get_panel", 200),
    ("get_settings", 403),
    ("set_settings", 403),
    ("test_mail", 403),
    ("sign_up", 409),
    ("begin_view", 403),
    ("list_passkeys", 200),
    ("create_passkey", 409),
    ("offer_passkey", 409),
    ("update_passkey", 404),
    ("delete_passkey", 404),
    ("offer_passkey_session", 409),
    ("create_passkey_session", 409),
    ("list_providers", 200),
    ("begin_sso_session", 404),
    ("finish_sso_session", 303),
    ("list_linked_logins", 200),
    ("begin_linked_login", 422),
    ("delete_linked_login", 404),
    ("list_sessions", 200),
    ("delete_account_session", 404),
    ("list_api_keys", 200),
    ("create_api_key", 201),
    ("delete_api_key", 404),
    ("list_users", 403),
    ("create_user", 403),
    ("get_user", 403),
    ("update_user", 403),
    ("delete_user", 403),
    ("list_user_grants", 403),
    ("reset_user_password", 403),
    ("explain_user", 403),
    ("list_permissions", 200),
    ("suspend_user", 403),
    ("lift_suspension", 403),
    ("list_plans", 403),
    ("create_plan", 403),
    ("get_plan", 403),
    ("update_plan", 403),
    ("delete_plan", 403),
    ("get_account_quota", 200),
    ("get_user_quota", 403),
    ("set_user_quota", 403),
    ("list_audit", 403),
    ("export_audit", 403),
    ("list_roles", 403),
    ("create_role", 403),
    ("get_role", 403),
    ("update_role", 403),
    ("delete_role", 403),
    ("list_role_grants", 403),
    ("create_role_grant", 403),
    ("delete_grant", 403),
    ("list_locations", 403),
    ("create_location", 403),
    ("update_location", 403),
    ("delete_location", 403),
    ("list_nodes", 403),
    ("get_node", 404),
    ("update_node", 404),
    ("delete_node", 404),
    ("get_node_metrics", 404),
    ("revoke_node", 404),
    ("decide_identity", 404),
    ("list_orphans", 404),
    ("decide_orphan", 404),
    ("list_join_tokens", 403),
    ("create_join_token", 403),
    ("delete_join_token", 403),
    ("enroll_node", 400),
    ("list_allocations", 404),
    ("create_allocations", 404),
    ("update_allocation", 404),
    ("delete_allocation", 404),
    ("list_eggs", 403),
    ("list_starters", 403),
    ("import_starter", 403),
    ("import_egg", 403),
    ("get_egg", 403),
    ("update_egg", 403),
    ("delete_egg", 403),
    ("export_egg", 403),
    ("list_nests", 403),
    ("create_nest", 403),
    ("get_nest", 403),
    ("update_nest", 403),
    ("delete_nest", 403),
    ("list_mounts", 403),
    ("create_mount", 403),
    ("get_mount", 403),
    ("update_mount", 403),
    ("delete_mount", 403),
    ("list_registries", 403),
    ("create_registry", 403),
    ("update_registry", 403),
    ("delete_registry", 403),
    ("list_backup_stores", 403),
    ("create_backup_store", 403),
    ("get_backup_store", 403),
    ("update_backup_store", 403),
    ("delete_backup_store", 403),
    ("test_backup_store", 403),
    ("list_backups", 404),
    ("create_backup", 404),
    ("get_backup", 404),
    ("update_backup", 404),
    ("delete_backup", 404),
    ("restore_backup", 404),
    ("list_backup_files", 404),
    ("get_backup_keys", 404),
    ("get_backup_settings", 404),
    ("set_backup_settings", 404),
    ("list_database_hosts", 403),
    ("create_database_host", 403),
    ("get_database_host", 403),
    ("update_database_host", 403),
    ("delete_database_host", 403),
    ("test_database_host", 403),
    ("list_hosted_databases", 403),
    ("forget_hosted_database", 403),
    ("list_servers", 200),
    ("tally_servers", 200),
    ("create_server", 403),
    ("get_server", 404),
    ("update_server", 404),
    ("delete_server", 404),
    ("list_server_mounts", 404),
    ("add_server_mount", 404),
    ("delete_server_mount", 404),
    ("power_server", 404),
    ("input_server", 404),
    ("reinstall_server", 404),
    ("create_transfer", 404),
    ("get_transfer", 404),
    ("update_transfer", 404),
    ("cancel_transfer", 404),
    ("create_server_ticket", 404),
    ("list_activity", 404),
    ("list_subusers", 404),
    ("create_subuser", 404),
    ("update_subuser", 404),
    ("delete_subuser", 404),
    ("list_databases", 404),
    ("create_database", 404),
    ("list_server_database_hosts", 404),
    ("delete_database", 404),
    ("rotate_database", 404),
    ("get_database_connection", 404),
    ("create_mine_ticket", 200),
    ("get_server_metrics", 404),
    ("list_runs", 404),
    ("get_console", 404),
    ("search_console", 404),
    ("download_console", 404),
    ("get_install_log", 404),
    ("list_files", 404),
    ("get_sftp", 404),
    ("read_file", 404),
    ("write_file", 404),
    ("create_directory", 404),
    ("delete_files", 404),
    ("rename_file", 404),
    ("get_file", 404),
    ("get_file_checksum", 404),
    ("get_file_usage", 404),
    ("copy_file", 404),
    ("list_archive", 404),
    ("create_archive", 404),
    ("extract_archive", 404),
    ("download_file", 404),
    ("chmod_files", 404),
    ("create_symlink", 404),
    ("list_trash", 404),
    ("restore_file", 404),
    ("empty_trash", 404),
    ("search_files", 404),
    ("list_operations", 200),
    ("get_operation", 404),
    ("cancel_operation", 404),
    ("list_events", 200),
    ("list_event_consumers", 200),
    ("create_event_consumer", 404),
    ("delete_event_consumer", 404),
];

struct Call {
    id: String,
    method: Method,
    path: String,
    body: Option<Value>,
    raw: bool,
}

/// A body that fits the schema: every required member, names of things replaced by ids that exist.
fn body(spec: &Value, schema: &Value, known: &BTreeMap<&str, String>, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return body(spec, &spec["components"]["schemas"][name], known, depth);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|e| e.first()) {
        return first.clone();
    }
    let Some(properties) = schema["properties"].as_object().filter(|_| depth < 5) else {
        return match schema["type"].as_str().unwrap_or("string") {
            "integer" | "number" => schema["minimum"].as_f64().map_or(json!(1), |_| json!(60)),
            "boolean" => json!(false),
            "array" => json!([body(spec, &schema["items"], known, depth + 1)]),
            "object" => json!({}),
            _ => json!("text"),
        };
    };
    let mut made = Map::new();
    let required: BTreeSet<&str> = schema["required"]
        .as_array()
        .map(|r| r.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, schema) in properties {
        // A number under a name of things is how many.
        let counts = schema["type"].to_string().contains("integer");
        // One of a few words is none of ours.
        let chosen = schema["$ref"].is_string();
        if let Some(id) = known.get(name.as_str()).filter(|_| !counts && !chosen) {
            let many = name == "servers";
            made.insert(name.clone(), if many { json!([id]) } else { json!(id) });
        } else if required.contains(name.as_str()) {
            made.insert(name.clone(), body(spec, schema, known, depth + 1));
        }
    }
    Value::Object(made)
}

fn calls(spec: &Value, known: &BTreeMap<&str, String>) -> Vec<Call> {
    let mut calls = Vec::new();
    for (path, item) in spec["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut path = path.clone();
            let mut query = Vec::new();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let value = known.get(name).cloned().unwrap_or_else(|| "text".into());
                match parameter["in"].as_str().unwrap() {
                    "path" => path = path.replace(&format!("{{{name}}}"), &value),
                    "query" if parameter["required"] == true => {
                        query.push(format!("{name}={value}"));
                    }
                    _ => {}
                }
            }
            let content = &operation["requestBody"]["content"];
            let json = &content["application/json"]["schema"];
            let raw = content.is_object() && (json.is_null() || json["type"] == "string");
            calls.push(Call {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: format!("{path}?{}", query.join("&")),
                body: (!json.is_null() && !raw).then(|| body(spec, json, known, 0)),
                raw,
            });
        }
    }
    // Logging out comes last, or the rest would be called as nobody.
    calls.sort_by_key(|call| call.id == "delete_session");
    calls
}

/// What somebody on whom a server was shared needs for each operation on it. `server.read` comes with any other key.
const SHARED: &[(&str, &str)] = &[
    ("get_server", "server.read"),
    ("list_server_mounts", "startup.read"),
    ("add_server_mount", "mount.use"),
    ("delete_server_mount", "mount.use"),
    ("get_server_metrics", "websocket.connect"),
    ("update_server", "server.read"),
    ("delete_server", "server.delete"),
    ("power_server", "control.start"),
    ("input_server", "control.console"),
    ("reinstall_server", "settings.reinstall"),
    ("create_transfer", "admin.server.transfer"),
    ("get_transfer", "admin.server.transfer"),
    ("update_transfer", "admin.server.transfer"),
    ("cancel_transfer", "admin.server.transfer"),
    ("create_server_ticket", "websocket.connect"),
    ("list_runs", "control.console"),
    ("get_console", "control.console"),
    ("search_console", "control.console"),
    ("download_console", "control.console"),
    ("get_install_log", "admin.websocket.install"),
    ("list_activity", "activity.read"),
    ("list_subusers", "user.read"),
    ("create_subuser", "user.create"),
    ("update_subuser", "user.update"),
    ("delete_subuser", "user.delete"),
    ("list_backups", "backup.read"),
    ("create_backup", "backup.create"),
    ("get_backup", "backup.read"),
    ("update_backup", "backup.create"),
    ("delete_backup", "backup.delete"),
    ("restore_backup", "backup.restore"),
    ("list_backup_files", "backup.read"),
    ("get_backup_keys", "backup.download"),
    ("get_backup_settings", "backup.read"),
    ("set_backup_settings", "backup.create"),
    ("list_databases", "database.read"),
    ("create_database", "database.create"),
    ("list_server_database_hosts", "database.create"),
    ("delete_database", "database.delete"),
    ("rotate_database", "database.update"),
    ("get_database_connection", "database.view_password"),
    ("list_files", "file.read"),
    ("get_sftp", "file.sftp"),
    ("read_file", "file.read-content"),
    ("write_file", "file.update"),
    ("create_directory", "file.create"),
    ("delete_files", "file.delete"),
    ("rename_file", "file.update"),
    ("get_file", "file.read"),
    ("get_file_checksum", "file.read-content"),
    ("get_file_usage", "file.read"),
    ("copy_file", "file.create"),
    ("list_archive", "file.read"),
    ("create_archive", "file.archive"),
    ("extract_archive", "file.archive"),
    ("download_file", "file.create"),
    ("chmod_files", "file.update"),
    ("create_symlink", "file.create"),
    ("list_trash", "file.read"),
    ("restore_file", "file.delete"),
    ("empty_trash", "file.delete"),
    ("search_files", "file.read"),
];

async fn call(person: &Person, call: &Call) -> (u16, String) {
    let mut request = person.request(call.method.clone(), &call.path);
    if let Some(body) = &call.body {
        request = request.json(body);
    } else if call.raw {
        request = request.body("bytes");
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// A server of somebody else's, and every operation there is, on it where it is on one.
struct Walk {
    panel: Panel,
    server: ServerId,
    node: NodeId,
    calls: Vec<Call>,
}

impl Walk {
    async fn begin(world: World) -> Self {
        let panel = Panel::open(world).await;
        let node = FakeNode::join(&panel.world).await;
        let server = panel.world.server(node.id).await;
        let row = panel.world.row(server).await;
        let spec: Value = serde_json::from_str(&openapi::json().unwrap()).unwrap();
        let known = BTreeMap::from([
            ("server", server.to_string()),
            ("servers", server.to_string()),
            ("node", node.id.to_string()),
            ("egg", row.egg_id),
            ("id", warren_proto::ids::JobId::new().to_string()),
            ("key", "minecraft-vanilla".to_owned()),
            ("user", row.owner_id),
            ("role", warren_proto::ids::RoleId::new().to_string()),
            ("plan", warren_proto::ids::PlanId::new().to_string()),
            ("nest", warren_proto::ids::NestId::new().to_string()),
            ("mount", warren_proto::ids::MountId::new().to_string()),
            ("grant", warren_proto::ids::GrantId::new().to_string()),
            ("location", warren_proto::ids::LocationId::new().to_string()),
            (
                "database_host",
                warren_proto::ids::DatabaseHostId::new().to_string(),
            ),
            ("database", warren_proto::ids::DatabaseId::new().to_string()),
            ("backup", warren_proto::ids::BackupId::new().to_string()),
            (
                "backup_store",
                warren_proto::ids::BackupStoreId::new().to_string(),
            ),
            ("path", "/eula.txt".to_owned()),
            ("name", "text".to_owned()),
            ("format", "csv".to_owned()),
        ]);
        let calls = calls(&spec, &known);
        Self {
            panel,
            server,
            node: node.id,
            calls,
        }
    }

    /// Every operation answers as the table has it, and none tells of the server.
    async fn is_powerless(&self, who: &str, person: &Person) {
        let table: BTreeMap<&str, u16> = POWERLESS.iter().copied().collect();
        for one in &self.calls {
            let (status, text) = call(person, one).await;
            assert_eq!(
                status,
                table[one.id.as_str()],
                "{} as {who}: {text}",
                one.id
            );
            let id = self.server.to_string();
            assert!(!text.contains(&id), "{} tells {who} of it", one.id);
        }
    }

    /// As [`Walk::is_powerless`], by a key that is good no longer or for nothing.
    async fn is_nobody(&self, who: &str, person: &Person) {
        for one in &self.calls {
            let (status, text) = call(person, one).await;
            // Machines that are no nodes yet, and people without their password: what they show is in the body.
            let expected = match one.id.as_str() {
                "enroll_node" => 400,
                "request_password_link"
                | "offer_passkey_session"
                | "create_passkey_session"
                | "sign_up" => 409,
                "use_password_link" => 422,
                "list_providers" | "get_panel" => 200,
                "begin_sso_session" => 404,
                "finish_sso_session" => 303,
                _ => 401,
            };
            assert_eq!(status, expected, "{} as {who}: {text}", one.id);
        }
    }
}

async fn nobody_gets_anywhere_and_the_powerless_get_their_own_alone(world: World) {
    let walk = Walk::begin(world).await;
    let (panel, server) = (&walk.panel, walk.server);
    let table: BTreeSet<&str> = POWERLESS.iter().map(|(id, _)| *id).collect();
    let named: BTreeSet<&str> = walk.calls.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(
        named, table,
        "each operation stands in the table, and only those"
    );
    walk.is_nobody("nobody", &panel.nobody()).await;
    let root = panel.as_admin().await;
    // A key of an admin, from the moment on at which it ends.
    let ends = warren_control::http::Stamp(panel.world.app.clock.now_ms() + 3_600_000);
    let body = json!({"name": "k", "expires_at": ends.to_string()});
    let made = root.post("/account/api-keys", body).await.expect(201);
    let mut expired = panel.nobody();
    expired.key = made["secret"].as_str().map(str::to_owned);
    expired.get("/users").await.expect(200);
    let tx = panel.world.app.db.begin(Lane::People).await.unwrap();
    api_keys::Entity::update_many()
        .col_expr(api_keys::Column::ExpiresAtMs, Expr::value(1))
        .exec(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    walk.is_nobody("an expired key", &expired).await;
    let powerless = panel.logged_in("mallory", false).await;
    walk.is_powerless("somebody without power", &powerless)
        .await;
    // Has a server of their own on the same node.
    let tenant = panel.logged_in("tenant", false).await;
    panel.world.server_of(walk.node, tenant.id.unwrap()).await;
    walk.is_powerless("another tenant", &tenant).await;
    // Has every key there is, over another server.
    let scoped = panel.logged_in("scoped", false).await;
    let other = panel.world.server(walk.node).await;
    let all = root.get("/permissions").await.expect(200);
    let all = all["keys"].as_array().unwrap();
    let all: Vec<_> = all.iter().map(|k| k["key"].clone()).collect();
    let role = root
        .post("/roles", json!({"name": "All", "keys": all}))
        .await
        .expect(201);
    let give = json!({"user": scoped.id.unwrap().to_string(), "reach": "server", "target": other.to_string()});
    let path = format!("/roles/{}/grants", role["id"].as_str().unwrap());
    root.post(&path, give).await.expect(201);
    scoped.get(&format!("/servers/{other}")).await.expect(200);
    walk.is_powerless("a role over another server", &scoped)
        .await;
    let row = panel.world.row(server).await;
    assert!(row.deleted_at_ms.is_none() && row.power == "stop");
}

async fn each_operation_on_a_server_wants_its_own_key_and_says_which(world: World) {
    let walk = Walk::begin(world).await;
    let on_it = |c: &&Call| c.path.contains(&format!("/servers/{}", walk.server));
    let table: BTreeMap<&str, &str> = SHARED.iter().copied().collect();
    let named: BTreeSet<&str> = walk
        .calls
        .iter()
        .filter(on_it)
        .map(|c| c.id.as_str())
        .collect();
    let listed: BTreeSet<&str> = table.keys().copied().collect();
    assert_eq!(
        named, listed,
        "each operation on a server stands in the table"
    );
    let root = walk.panel.as_admin().await;
    let guest = walk.panel.logged_in("guest", false).await;
    let all = root.get("/permissions").await.expect(200);
    let of_servers = all["keys"].as_array().unwrap().iter();
    let of_servers = of_servers.filter(|k| k["set"] == "server");
    let all: Vec<&str> = of_servers.map(|k| k["key"].as_str().unwrap()).collect();
    let share = format!("/servers/{}/users", walk.server);
    let body = json!({"login": "guest", "keys": ["user.read"]});
    root.post(&share, body).await.expect(201);
    let share = format!("{share}/{}", guest.id.unwrap());
    for one in walk.calls.iter().filter(on_it) {
        let key = table[one.id.as_str()];
        if key == "server.read" {
            continue;
        }
        let but: Vec<&&str> = all.iter().filter(|k| **k != key).collect();
        root.put(&share, json!({"keys": but})).await.expect(200);
        let (status, text) = call(&guest, one).await;
        assert_eq!(status, 403, "{} without {key}: {text}", one.id);
        assert!(
            text.contains(&format!("permission {key},")),
            "{}: {text}",
            one.id
        );
    }
    let row = walk.panel.world.row(walk.server).await;
    assert!(row.deleted_at_ms.is_none() && row.power == "stop");
}
