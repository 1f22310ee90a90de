//! Every operation of the API, called as nobody and as somebody without power. An operation that is missing
//! from the table here fails the test.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Map, Value, json};
use warren_control::http::openapi;

use crate::{
    fake_node::FakeNode,
    http_panel::{Panel, Person},
    on_both,
    world::World,
};

on_both! {
    nobody_gets_anywhere_and_the_powerless_get_their_own_alone
}

/// What somebody without power gets. Servers, nodes and eggs of the walk are others'.
const POWERLESS: &[(&str, u16)] = &[
    ("create_session", 401),
    ("get_session", 200),
    ("delete_session", 204),
    ("get_account", 200),
    ("update_account", 200),
    ("update_password", 422),
    ("list_sessions", 200),
    ("delete_account_session", 404),
    ("list_api_keys", 200),
    ("create_api_key", 201),
    ("delete_api_key", 404),
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
    ("delete_egg", 403),
    ("export_egg", 403),
    ("list_registries", 403),
    ("create_registry", 403),
    ("update_registry", 403),
    ("delete_registry", 403),
    ("list_servers", 200),
    ("tally_servers", 200),
    ("create_server", 403),
    ("get_server", 404),
    ("update_server", 404),
    ("delete_server", 404),
    ("power_server", 404),
    ("input_server", 404),
    ("reinstall_server", 404),
    ("create_server_ticket", 404),
    ("create_mine_ticket", 200),
    ("get_server_metrics", 404),
    ("list_runs", 404),
    ("get_console", 404),
    ("search_console", 404),
    ("download_console", 404),
    ("get_install_log", 404),
    ("list_files", 404),
    ("read_file", 404),
    ("write_file", 404),
    ("create_directory", 404),
    ("delete_files", 404),
    ("rename_file", 404),
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
        if let Some(id) = known.get(name.as_str()) {
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

async fn nobody_gets_anywhere_and_the_powerless_get_their_own_alone(world: World) {
    let panel = Panel::open(world).await;
    let node = FakeNode::join(&panel.world).await;
    let server = panel.world.server(node.id).await;
    let egg = panel.world.row(server).await.egg_id;
    let spec: Value = serde_json::from_str(&openapi::json().unwrap()).unwrap();
    let known = BTreeMap::from([
        ("server", server.to_string()),
        ("servers", server.to_string()),
        ("node", node.id.to_string()),
        ("egg", egg),
        ("id", warren_proto::ids::JobId::new().to_string()),
        ("key", "minecraft-vanilla".to_owned()),
        ("path", "/eula.txt".to_owned()),
    ]);
    let calls = calls(&spec, &known);
    let table: BTreeMap<&str, u16> = POWERLESS.iter().copied().collect();
    let named: BTreeSet<&str> = calls.iter().map(|c| c.id.as_str()).collect();
    let listed: BTreeSet<&str> = table.keys().copied().collect();
    assert_eq!(
        named, listed,
        "each operation stands in the table, and only those"
    );
    let nobody = panel.nobody();
    for one in &calls {
        let (status, text) = call(&nobody, one).await;
        // Machines that are no nodes yet call it; what they show is in the body.
        let expected = if one.id == "enroll_node" { 400 } else { 401 };
        assert_eq!(status, expected, "{} as nobody: {text}", one.id);
    }
    let powerless = panel.logged_in("mallory", false).await;
    for one in &calls {
        let (status, text) = call(&powerless, one).await;
        assert_eq!(status, table[one.id.as_str()], "{}: {text}", one.id);
        assert!(
            !text.contains(&server.to_string()),
            "{} tells of it",
            one.id
        );
        assert_ne!(status, 500);
    }
    let row = panel.world.row(server).await;
    assert!(row.deleted_at_ms.is_none() && row.power == "stop");
}
