//! Database hosts: kept sealed, tested, and protected while somebody uses them.

use serde_json::{Value, json};
use warren_proto::ids::NodeId;

use crate::{
    database_rig::{Gate, Rig, Server, text},
    http_panel::{Answer, Panel},
    on_both,
    world::World,
};

on_both! {
    a_host_is_made_known_changed_and_forgotten
    a_stored_password_does_not_follow_to_another_place
    a_test_says_what_is_wrong
    only_who_may_change_a_host_lets_control_knock
    what_is_no_host_is_refused
}

async fn a_host_is_made_known_changed_and_forgotten(world: World) {
    let rig = Rig::set(world, Server::maria()).await;
    let root = rig.admin();
    let twice = root
        .post("/database-hosts", rig.server.wish(rig.gate.port))
        .await;
    assert_eq!(twice.fields(), ["name taken"]);
    let list = root.get("/database-hosts").await.expect(200);
    let shown = &list["items"][0];
    assert_eq!(shown["engine"], "mariadb");
    assert_eq!(
        (&shown["databases"], &shown["nodes"]),
        (&json!(0), &json!([]))
    );
    let mut next = rig.server.wish(rig.gate.port);
    next.as_object_mut().unwrap().remove("engine");
    next.as_object_mut().unwrap().remove("password");
    next["name"] = json!("Main");
    next["most_databases"] = json!(20);
    next["nodes"] = json!([rig.scene.node.id.to_string()]);
    let changed = root.put(&rig.host, next.clone()).await.expect(200);
    assert_eq!(changed["name"], "Main");
    let stale = root
        .request(reqwest::Method::PUT, &format!("/api/v1{}", rig.host))
        .header("if-match", format!("\"{}\"", text(shown, "version")))
        .json(&next);
    let stale = Answer::of(stale.send().await.unwrap()).await;
    assert_eq!(stale.problem(412), "changed_meanwhile");
    // The password is what it was.
    assert_eq!(rig.test().await["ok"], true);
    next["password"] = json!("wrong");
    root.put(&rig.host, next).await.expect(200);
    assert_eq!(rig.test().await["code"], "credentials");
    let log = root
        .get("/audit?action=database_host.update")
        .await
        .expect(200);
    let rows = log["items"].as_array().unwrap();
    assert_eq!(rows[0]["diff"], json!({"password": "changed"}));
    assert_eq!(
        rows[1]["diff"]["most_databases"],
        json!({"from": null, "to": 20})
    );
    root.delete(&rig.host).await.expect(204);
    assert_eq!(root.get(&rig.host).await.problem(404), "not_found");
}

async fn a_stored_password_does_not_follow_to_another_place(world: World) {
    let rig = Rig::set(world, Server::postgres()).await;
    let mut keep = rig.server.wish(rig.gate.port);
    keep.as_object_mut().unwrap().remove("engine");
    keep.as_object_mut().unwrap().remove("password");
    for (field, value) in [
        ("address", json!("evil.example")),
        ("port", json!(1)),
        ("username", json!("other")),
        ("tls", json!("require")),
    ] {
        let mut other = keep.clone();
        other[field] = value;
        let refused = rig.admin().put(&rig.host, other.clone()).await;
        assert_eq!(refused.fields(), ["password required"], "{field}");
        other["password"] = json!("typed");
        rig.admin().put(&rig.host, other).await.expect(200);
        let mut back = keep.clone();
        back["password"] = json!(rig.server.admin());
        rig.admin().put(&rig.host, back).await.expect(200);
    }
    assert_eq!(rig.test().await["ok"], true);
}

async fn a_test_says_what_is_wrong(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let (maria, postgres) = (Server::maria(), Server::postgres());
    let mut count = 0;
    let mut look = async |mut wish: Value, change: Value| {
        count += 1;
        wish["name"] = json!(count.to_string());
        for (name, value) in change.as_object().unwrap() {
            wish[name] = value.clone();
        }
        let made = root.post("/database-hosts", wish).await.expect(201);
        let path = format!("/database-hosts/{}/test", text(&made, "id"));
        root.post(&path, json!({})).await.expect(200)
    };
    for server in [&maria, &postgres] {
        let wish = || server.wish(server.port());
        let good = look(wish(), json!({})).await;
        assert_eq!(
            (&good["ok"], &good["code"]),
            (&json!(true), &Value::Null),
            "{good}"
        );
        let version = text(&good, "version").to_ascii_lowercase();
        assert!(version.contains(server.engine()), "{version}");
        assert!(good["latency_ms"].as_u64().unwrap() < 5_000);
        let bad = look(wish(), json!({"password": "wrong"})).await;
        assert_eq!(bad["code"], "credentials", "{bad}");
        assert!(!bad.to_string().contains("wrong\""), "{bad}");
        let closed = warren_harness::free_port().unwrap();
        let bad = look(wish(), json!({"port": closed})).await;
        assert_eq!(bad["code"], "unreachable", "{bad}");
        assert_eq!(bad["version"], Value::Null);
    }
    // PostgreSQL lets everybody into its own database unless it is told not to.
    let good = look(postgres.wish(postgres.port()), json!({})).await;
    assert!(good["warnings"].to_string().contains("template1"), "{good}");
    // Each takes the other for something else.
    let bad = look(maria.wish(postgres.port()), json!({})).await;
    assert_ne!(bad["ok"], true, "{bad}");
    let bad = look(postgres.wish(maria.port()), json!({})).await;
    assert_ne!(bad["ok"], true, "{bad}");
    // Encrypted, if it can be, and to nobody else.
    let bad = look(postgres.wish(postgres.port()), json!({"tls": "require"})).await;
    assert_eq!(bad["code"], "tls", "{bad}");
    let Server::Maria(server) = &maria else {
        unreachable!("it is one")
    };
    let wish = || maria.wish(maria.port());
    let good = look(wish(), json!({"tls": "require"})).await;
    assert_eq!(good["ok"], true, "{good}");
    let bad = look(wish(), json!({"tls": "verify"})).await;
    assert_eq!(bad["code"], "tls", "{bad}");
    let ca = json!({"tls": "verify", "ca_pem": server.certificate()});
    let good = look(wish(), ca.clone()).await;
    assert_eq!(good["ok"], true, "{good}");
    let mut other = ca;
    other["address"] = json!("localhost");
    let bad = look(wish(), other).await;
    assert_eq!(bad["code"], "tls", "{bad}");
    // Of little power.
    let user = format!("weak_{}", warren_harness::Tag::random());
    let made = format!("CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'x'");
    server.sql(&made).unwrap();
    let bad = look(wish(), json!({"username": user, "password": "x"})).await;
    assert_eq!(bad["code"], "privileges", "{bad}");
    let missing = bad["missing"].to_string();
    assert!(
        missing.contains("CREATE USER") && missing.contains("GRANT OPTION"),
        "{missing}"
    );
    server
        .sql(&format!("DROP USER {user}@'127.0.0.1'"))
        .unwrap();
    let Server::Postgres(server, _) = &postgres else {
        unreachable!("it is one")
    };
    let made = format!("CREATE ROLE {user} LOGIN PASSWORD 'x'");
    server.sql(&made).unwrap();
    let change = json!({"username": user, "password": "x"});
    let bad = look(postgres.wish(postgres.port()), change).await;
    assert_eq!(bad["missing"], json!(["CREATEDB", "CREATEROLE"]));
    server.sql(&format!("DROP ROLE {user}")).unwrap();
}

async fn only_who_may_change_a_host_lets_control_knock(world: World) {
    let rig = Rig::set(world, Server::maria()).await;
    let root = rig.admin();
    let reader = rig.scene.panel.logged_in("reader", false).await;
    let role = json!({"name": "Readers", "keys": ["database_host.read"]});
    let role = root.post("/roles", role).await.expect(201);
    let give = json!({"user": reader.id.unwrap().to_string(), "reach": "everything"});
    let grants = format!("/roles/{}/grants", text(&role, "id"));
    root.post(&grants, give).await.expect(201);
    reader.get(&rig.host).await.expect(200);
    reader
        .get(&format!("{}/databases", rig.host))
        .await
        .expect(200);
    rig.gate.shut();
    let test = format!("{}/test", rig.host);
    let refused = reader.post(&test, json!({})).await;
    assert_eq!(refused.problem(403), "forbidden");
    let wish = rig.server.wish(rig.gate.port);
    let refused = reader.post("/database-hosts", wish).await;
    assert_eq!(refused.problem(403), "forbidden");
    assert_eq!(reader.delete(&rig.host).await.problem(403), "forbidden");
    // A look goes where the row says and nowhere else, and is written down.
    let elsewhere = root.post(&test, json!({"address": "10.0.0.1"})).await;
    assert_eq!(elsewhere.expect(200)["code"], "unreachable");
    let log = root
        .get("/audit?action=database_host.test")
        .await
        .expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    assert_eq!(log["items"][0]["diff"]["address"], "127.0.0.1");
}

async fn what_is_no_host_is_refused(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let gate = Gate::to(1).await;
    let wish = |change: Value| {
        let mut wish = json!({
            "name": "db", "engine": "mysql", "address": "db.example.net", "port": gate.port,
            "username": "root", "password": "secret", "tls": "off",
        });
        for (name, value) in change.as_object().unwrap() {
            wish[name] = value.clone();
        }
        wish
    };
    for (change, fields) in [
        (json!({"name": " "}), "name required"),
        (json!({"name": "a\u{202e}b"}), "name control_character"),
        (
            json!({"address": "/run/mysqld/mysqld.sock"}),
            "address invalid",
        ),
        (
            json!({"address": "http://169.254.169.254/"}),
            "address invalid",
        ),
        (json!({"public_address": "a b"}), "public_address invalid"),
        (json!({"port": 0}), "port out_of_range"),
        (json!({"public_port": 0}), "public_port out_of_range"),
        (json!({"username": ""}), "username required"),
        (json!({"password": ""}), "password required"),
        (json!({"password": "a\nb"}), "password control_character"),
        (json!({"ca_pem": "x"}), "ca_pem conflict"),
        (json!({"ca_pem": "x", "tls": "verify"}), "ca_pem invalid"),
        (
            json!({"most_databases": 1_000_001}),
            "most_databases out_of_range",
        ),
        (
            json!({"most_connections": 0}),
            "most_connections out_of_range",
        ),
        (
            json!({"nodes": [NodeId::new().to_string()]}),
            "nodes unknown",
        ),
        (
            json!({"locations": [NodeId::new().to_string()]}),
            "locations unknown",
        ),
    ] {
        let refused = root.post("/database-hosts", wish(change.clone())).await;
        assert_eq!(refused.fields(), [fields], "{change}");
    }
    for change in [
        json!({"engine": "oracle"}),
        json!({"tls": "maybe"}),
        json!({"x": 1}),
        json!({"port": 65536}),
    ] {
        let refused = root.post("/database-hosts", wish(change.clone())).await;
        assert_eq!(refused.status, 422, "{change}");
    }
    let list = root.get("/database-hosts").await.expect(200);
    assert_eq!(list["items"], json!([]));
}
