//! Databases of servers, on the real MariaDB and PostgreSQL.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use warren_control::{database::service::place, db::Lane};
use warren_entity::{audit_log, databases, idempotent_requests, outbox};
use warren_harness::eventually_async;
use warren_proto::ids::DatabaseId;

use crate::{
    database_rig::{LONG, Rig, Server, game, text},
    http_panel::{Panel, Person},
    on_both,
    world::{SOON, World},
};

on_both! {
    a_storm_never_gets_more_than_server_owner_or_host_allow
    a_database_belongs_to_its_server_and_its_keys
    a_password_stands_nowhere_but_where_it_is_asked_for
    wishes_that_make_no_sense_are_refused
    a_host_is_chosen_for_the_server_and_by_its_room
    a_suspended_server_gets_nothing_and_a_deleted_one_leaves_nothing
    a_host_that_is_away_is_waited_for_and_may_be_forgotten
    a_server_is_not_given_with_more_databases_than_its_new_owner_may_have
}

/// Makes a test of each for each engine; control runs on SQLite.
macro_rules! on_each_engine {
    ($($name:ident)*) => {
        mod mariadb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let world = $crate::world::World::on_sqlite().await;
                super::$name(super::Rig::set(world, super::Server::maria()).await).await;
            })*
        }
        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let world = $crate::world::World::on_sqlite().await;
                super::$name(super::Rig::set(world, super::Server::postgres()).await).await;
            })*
        }
    };
}

on_each_engine! {
    a_database_is_made_used_and_removed
    nobody_reaches_more_than_their_own
    another_password_ends_the_one_before
    a_line_that_breaks_at_any_statement_leaves_nothing_half_done
    what_is_removed_while_it_is_made_is_gone_in_the_end
    a_claim_of_a_dead_control_is_taken_over
}

async fn a_database_is_made_used_and_removed(rig: Rig) {
    let made = rig
        .made(json!({"name": "shop", "most_connections": 3}))
        .await;
    assert_eq!(made["state"], "ready", "{made}");
    assert_eq!(made["problem"], Value::Null);
    assert!(text(&made, "name").ends_with("_shop"), "{made}");
    assert_eq!(made["host"]["port"], rig.gate.port);
    let connection = rig.connection(&made).await;
    let sql = |statement: &str| rig.server.sql(&connection, statement);
    sql("CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(32))").unwrap();
    sql("INSERT INTO items VALUES (1, 'pickaxe')").unwrap();
    assert_eq!(sql("SELECT name FROM items").unwrap().trim(), "pickaxe");
    let jdbc = text(&connection, "jdbc");
    let engine = rig.server.engine();
    assert!(jdbc.starts_with(&format!("jdbc:{engine}://127.0.0.1:{}/", rig.gate.port)));
    // As many at a time as were asked for.
    let limit = match &rig.server {
        Server::Maria(server) => server.sql(&format!(
            "SELECT max_user_connections FROM mysql.user WHERE user = '{}'",
            text(&made, "username")
        )),
        Server::Postgres(server, _) => server.sql(&format!(
            "SELECT rolconnlimit FROM pg_roles WHERE rolname = '{}'",
            text(&made, "username")
        )),
    };
    assert_eq!(limit.unwrap().trim(), "3");
    let again = rig.shown(&made).await;
    assert_eq!(again["name"], made["name"]);
    let wrong = format!("{}?name=shop", rig.at(&made));
    let refused = rig.admin().delete(&wrong).await;
    assert_eq!(refused.fields(), ["name mismatch"]);
    let names = (text(&made, "name"), text(&made, "username"));
    assert_eq!(rig.server.knows(names.0, names.1), (true, true));
    let left = rig.drop(&made).await.expect(202);
    assert_eq!(left["state"], "dropping");
    rig.gone(&made).await;
    assert_eq!(rig.server.knows(names.0, names.1), (false, false));
    sql("SELECT 1").unwrap_err();
    let log = rig.admin().get("/audit?action=database.").await.expect(200);
    let mut done: Vec<&str> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(row, "action"))
        .collect();
    done.sort_unstable();
    assert_eq!(
        done,
        [
            "database.create",
            "database.delete",
            "database.view_password"
        ]
    );
}

async fn nobody_reaches_more_than_their_own(rig: Rig) {
    let (one, other) = (rig.made(json!({})).await, rig.made(json!({})).await);
    let (mine, theirs) = (rig.connection(&one).await, rig.connection(&other).await);
    let table = "CREATE TABLE secrets (word VARCHAR(32))";
    rig.server.sql(&theirs, table).unwrap();
    rig.server
        .sql(&theirs, "INSERT INTO secrets VALUES ('hush')")
        .unwrap();
    let sql = |statement: &str| rig.server.sql(&mine, statement);
    let elsewhere = |database: &str, statement: &str| rig.server.sql_in(&mine, database, statement);
    let their_name = text(&theirs, "database");
    elsewhere(their_name, "SELECT 1").unwrap_err();
    sql("CREATE DATABASE mine_too").unwrap_err();
    match &rig.server {
        Server::Maria(server) => {
            sql(&format!("SELECT * FROM {their_name}.secrets")).unwrap_err();
            let seen = sql("SHOW DATABASES").unwrap();
            assert!(!seen.contains(their_name), "{seen}");
            elsewhere("mysql", "SELECT 1").unwrap_err();
            sql("CREATE USER thief").unwrap_err();
            sql("SELECT * FROM mysql.user").unwrap_err();
            sql("SELECT LOAD_FILE('/etc/passwd')")
                .map(|text| assert_eq!(text.trim(), "NULL"))
                .unwrap();
            let give = format!("GRANT SELECT ON {}.* TO thief", text(&mine, "database"));
            sql(&give).unwrap_err();
            // A name in which `_` stands for itself and nothing else.
            let near = text(&mine, "database").replace('_', "x");
            server.sql(&format!("CREATE DATABASE {near}")).unwrap();
            let reached = elsewhere(&near, "SELECT 1");
            server.sql(&format!("DROP DATABASE {near}")).unwrap();
            reached.unwrap_err();
        }
        Server::Postgres(..) => {
            sql("CREATE ROLE thief").unwrap_err();
            sql("ALTER ROLE CURRENT_USER CREATEDB").unwrap_err();
            sql("SELECT rolpassword FROM pg_authid").unwrap_err();
            sql("COPY (SELECT 1) TO '/tmp/out'").unwrap_err();
            sql(&format!("SET ROLE {}", text(&theirs, "username"))).unwrap_err();
            sql(&format!("DROP DATABASE {their_name}")).unwrap_err();
            sql(&format!("SET ROLE {}", rig.server.admin())).unwrap_err();
        }
    }
    let theirs_still = rig.server.sql(&theirs, "SELECT word FROM secrets");
    assert_eq!(theirs_still.unwrap().trim(), "hush");
}

async fn another_password_ends_the_one_before(rig: Rig) {
    let made = rig.made(json!({})).await;
    let old = rig.connection(&made).await;
    rig.server.sql(&old, "CREATE TABLE kept (id INT)").unwrap();
    // Somebody who is connected with the old one, for longer than this test takes.
    let sleep = match rig.server {
        Server::Maria(_) => "SELECT SLEEP(600)",
        Server::Postgres(..) => "SELECT pg_sleep(600)",
    };
    let marker = "CREATE TABLE inside (id INT)";
    let statement = format!("{marker}; {sleep}; CREATE TABLE stayed (id INT)");
    let rig = std::sync::Arc::new(rig);
    let inside = {
        let (rig, old) = (rig.clone(), old.clone());
        tokio::task::spawn_blocking(move || match &rig.server {
            // psql runs all of `-c` as one transaction, in which nobody would see the marker.
            Server::Postgres(server, _) => server.sql_at(text(&old, "url"), sleep),
            Server::Maria(_) => rig.server.sql(&old, &statement),
        })
    };
    let user = text(&made, "username");
    eventually_async("somebody to be connected", SOON, || async {
        let count = match &rig.server {
            Server::Maria(server) => server.sql(&format!(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{user}' AND info LIKE '%SLEEP%'"
            )),
            Server::Postgres(server, _) => server.sql(&format!(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = '{user}' AND query LIKE '%pg_sleep%'"
            )),
        };
        (count.unwrap().trim() != "0").then_some(())
    })
    .await
    .unwrap();
    let path = format!("{}/rotate", rig.at(&made));
    let rotated = rig.admin().post(&path, json!({})).await.expect(200);
    assert_eq!(rotated["state"], "ready");
    let new = rig.connection(&made).await;
    assert_ne!(old["password"], new["password"]);
    assert_eq!(old["username"], new["username"]);
    rig.server.sql(&old, "SELECT 1").unwrap_err();
    rig.server.sql(&new, "SELECT COUNT(*) FROM kept").unwrap();
    let ended = tokio::time::timeout(SOON, inside).await.unwrap().unwrap();
    ended.unwrap_err();
    rig.server.sql(&new, "SELECT * FROM stayed").unwrap_err();
}

/// Breaks the line before and behind each piece of what control says, and has it done again.
async fn a_line_that_breaks_at_any_statement_leaves_nothing_half_done(rig: Rig) {
    let begun = tokio::time::Instant::now();
    let mut broken = 0;
    for after in [false, true] {
        for pieces in 1.. {
            let before = broken;
            rig.gate.break_at(pieces, after);
            let made = rig.made(json!({})).await;
            if made["state"] != "ready" {
                broken += 1;
                assert_eq!(made["problem"]["code"], "unreachable", "{made}");
            }
            rig.gate.open();
            rig.test().await;
            rig.ready(&made).await;
            let old = rig.connection(&made).await;
            rig.server.sql(&old, "CREATE TABLE t (id INT)").unwrap();
            rig.gate.break_at(pieces, after);
            let path = format!("{}/rotate", rig.at(&made));
            let rotated = rig.admin().post(&path, json!({})).await.expect(200);
            if rotated["state"] != "ready" {
                broken += 1;
                let path = format!("{}/connection", rig.at(&made));
                let unknown = rig.admin().get(&path).await;
                assert_eq!(unknown.problem(409), "database_busy");
            }
            rig.gate.open();
            rig.test().await;
            rig.ready(&made).await;
            let new = rig.connection(&made).await;
            rig.server.sql(&new, "SELECT * FROM t").unwrap();
            rig.server.sql(&old, "SELECT 1").unwrap_err();
            rig.gate.break_at(pieces, after);
            rig.drop(&made).await.expect(202);
            let left = rig
                .until(&made, "an end or a failure", |row| {
                    row.is_null() || row["problem"] != Value::Null
                })
                .await;
            broken += usize::from(!left.is_null());
            rig.gate.open();
            rig.test().await;
            rig.gone(&made).await;
            let names = (text(&made, "name"), text(&made, "username"));
            assert_eq!(rig.server.knows(names.0, names.1), (false, false));
            // All three were said to their end.
            if broken == before {
                break;
            }
        }
    }
    // Log-in and some statements, each of them twice; and it was seen to break.
    assert!(broken > 24, "{broken}");
    assert!(begun.elapsed() < LONG * 3, "{:?}", begun.elapsed());
}

async fn what_is_removed_while_it_is_made_is_gone_in_the_end(rig: Rig) {
    rig.gate.break_at(4, true);
    let made = rig.made(json!({})).await;
    assert_eq!(made["state"], "creating");
    rig.drop(&made).await.expect(202);
    // Said twice, it is one removal.
    let left = rig.drop(&made).await.expect(202);
    assert_eq!(left["state"], "dropping");
    rig.gate.open();
    rig.test().await;
    rig.gone(&made).await;
    let names = (text(&made, "name"), text(&made, "username"));
    assert_eq!(rig.server.knows(names.0, names.1), (false, false));
}

async fn a_claim_of_a_dead_control_is_taken_over(rig: Rig) {
    let id = DatabaseId::new().to_string();
    let app = &rig.scene.panel.world.app;
    let now_ms = app.clock.now_ms();
    let secret = app.keys.sealer.seal(&place(&id), b"aB3aB3aB3aB3").unwrap();
    let row = databases::ActiveModel {
        id: Set(id.clone()),
        server_id: Set(rig.path.rsplit('/').next().unwrap().into()),
        host_id: Set(rig.host.rsplit('/').next().unwrap().into()),
        name: Set(format!("w{}_left", &id[16..])),
        username: Set(format!("u{}", &id[16..])),
        connections_from: Set("%".into()),
        most_connections: Set(None),
        secret: Set(secret),
        next_secret: Set(None),
        state: Set("creating".into()),
        failures: Set(0),
        problem: Set(None),
        problem_detail: Set(None),
        due_at_ms: Set(now_ms),
        leased_by: Set(Some("a control that died".into())),
        leased_until_ms: Set(now_ms + 2_000),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    let tx = app.db.begin(Lane::People).await.unwrap();
    databases::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let database = json!({"id": id});
    assert_eq!(rig.shown(&database).await["state"], "creating");
    rig.ready(&database).await;
    assert!(
        app.clock.now_ms() >= now_ms + 2_000,
        "not before it was dead"
    );
    let connection = rig.connection(&database).await;
    rig.server.sql(&connection, "SELECT 1").unwrap();
    rig.drop(&rig.shown(&database).await).await.expect(202);
    rig.gone(&database).await;
}

async fn storm(person: &Person, paths: &[String], wishes: usize) -> (usize, Vec<String>) {
    let asked = (0..wishes).map(|n| person.post(&paths[n % paths.len()], json!({})));
    let answers = futures_util::future::join_all(asked).await;
    let (got, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 201);
    let codes = refused.into_iter().map(|answer| answer.problem(409));
    (got.len(), codes.collect())
}

async fn a_storm_never_gets_more_than_server_owner_or_host_allow(world: World) {
    let rig = Rig::set(world, Server::maria()).await;
    let root = rig.admin();
    let of = |path: &str| format!("{path}/databases");
    // Of the server.
    let (got, codes) = storm(root, &[of(&rig.path)], 12).await;
    assert_eq!(got, 5);
    assert!(
        codes.iter().all(|code| code == "database_limit"),
        "{codes:?}"
    );
    // Of the host, from two servers whose rows keep nobody apart.
    let more = [
        game(&rig.scene, "one", Value::Null).await,
        game(&rig.scene, "two", Value::Null).await,
    ];
    let mut host = rig.server.wish(rig.gate.port);
    host.as_object_mut().unwrap().remove("engine");
    host["most_databases"] = json!(8);
    root.put(&rig.host, host.clone()).await.expect(200);
    let paths = [of(&more[0]), of(&more[1])];
    let (got, codes) = storm(root, &paths, 12).await;
    assert_eq!(got, 3);
    assert!(
        codes.iter().all(|code| code == "database_host_full"),
        "{codes:?}"
    );
    // Of their owner.
    host["most_databases"] = Value::Null;
    root.put(&rig.host, host).await.expect(200);
    let quota = format!("/users/{}/quota", root.id.unwrap());
    let ann = rig.scene.panel.logged_in("ann", true).await;
    ann.put(&quota, json!({"databases": 11})).await.expect(200);
    let (got, codes) = storm(root, &paths, 12).await;
    assert_eq!(got, 3);
    assert!(
        codes.iter().all(|code| code == "quota_exceeded"),
        "{codes:?}"
    );
    let used = root.get("/account/quota").await.expect(200);
    assert_eq!(used["used"]["databases"], 11);
    assert_eq!(used["limits"]["databases"], 11);
    let shown = root.get(&rig.host).await.expect(200);
    assert_eq!(shown["databases"], 11);
    // One that goes makes room, once it is gone.
    let list = root.get(&of(&rig.path)).await.expect(200);
    let first = &list["items"][0];
    rig.drop(first).await.expect(202);
    rig.gone(first).await;
    rig.made(json!({})).await;
}

async fn a_database_belongs_to_its_server_and_its_keys(world: World) {
    let rig = Rig::set(world, Server::maria()).await;
    let root = rig.admin();
    let made = rig.made(json!({})).await;
    // By way of another server it is not there.
    let other = game(&rig.scene, "other", json!(5)).await;
    let astray = format!("{other}/databases/{}", text(&made, "id"));
    for refused in [
        root.get(&format!("{astray}/connection")).await,
        root.post(&format!("{astray}/rotate"), json!({})).await,
        root.delete(&format!("{astray}?name={}", text(&made, "name")))
            .await,
    ] {
        assert_eq!(refused.problem(404), "not_found");
    }
    let guest = rig.scene.panel.logged_in("guest", false).await;
    let share = json!({"login": "guest", "keys": ["database.read"]});
    root.post(&format!("{}/users", rig.path), share)
        .await
        .expect(201);
    let at = rig.at(&made);
    let list = format!("{}/databases", rig.path);
    let seen = guest.get(&list).await;
    assert!(!seen.text.contains("password"), "{}", seen.text);
    assert_eq!(seen.expect(200)["items"][0]["name"], made["name"]);
    for refused in [
        guest.get(&format!("{at}/connection")).await,
        guest.post(&format!("{at}/rotate"), json!({})).await,
        guest.post(&list, json!({})).await,
        guest.get(&format!("{}/database-hosts", rig.path)).await,
        guest.delete(&format!("{at}?name=x")).await,
    ] {
        assert_eq!(refused.problem(403), "forbidden");
    }
    // The hosts themselves are the panel's business.
    assert_eq!(guest.get("/database-hosts").await.problem(403), "forbidden");
    let log = root
        .get(&format!("{}/activity?action=database.", rig.path))
        .await
        .expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
}

async fn a_password_stands_nowhere_but_where_it_is_asked_for(world: World) {
    let rig = Rig::set(world, Server::maria()).await;
    let root = rig.admin();
    let path = format!("/api/v1{}/databases", rig.path);
    let request = root.request(reqwest::Method::POST, &path);
    let request = request.header("idempotency-key", "k").json(&json!({}));
    let answer = request.send().await.unwrap();
    let made: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let first = rig.connection(&made).await;
    let rotate = format!("/api/v1{}/rotate", rig.at(&made));
    let request = root.request(reqwest::Method::POST, &rotate);
    let answer = request.header("idempotency-key", "r").send().await.unwrap();
    let rotated = answer.text().await.unwrap();
    let second = rig.connection(&made).await;
    let secrets = [
        text(&first, "password"),
        text(&second, "password"),
        rig.server.admin(),
    ];
    assert_eq!(secrets[0].len(), 32);
    assert!(secrets[0].bytes().all(|b| b.is_ascii_alphanumeric()));
    let db = rig.scene.panel.world.app.db.read();
    let audit = audit_log::Entity::find().all(db).await.unwrap();
    let events = outbox::Entity::find().all(db).await.unwrap();
    let kept = idempotent_requests::Entity::find().all(db).await.unwrap();
    assert_eq!(kept.len(), 2);
    let rows = databases::Entity::find().all(db).await.unwrap();
    let host = root.get(&rig.host).await.text;
    let hosts = db
        .query_all_raw(sea_orm::Statement::from_string(
            db.get_database_backend(),
            "SELECT secret FROM database_hosts",
        ))
        .await
        .unwrap();
    let hosts: Vec<Vec<u8>> = hosts
        .iter()
        .map(|row| row.try_get("", "secret").unwrap())
        .collect();
    // The account's name is the password's in this rig: bytes alone can tell.
    let sealed = hosts.iter().chain(rows.iter().map(|row| &row.secret));
    for bytes in sealed.chain(kept.iter().filter_map(|k| k.body.as_ref())) {
        for secret in secrets {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
        }
    }
    assert!(!host.contains("\"password\""), "{host}");
    let told = format!("{audit:?} {events:?} {made} {rotated}");
    for secret in &secrets[..2] {
        assert!(!told.contains(secret));
    }
    // Who looked is known.
    let looks = audit
        .iter()
        .filter(|a| a.action == "database.view_password");
    assert_eq!(looks.count(), 2);
}

async fn wishes_that_make_no_sense_are_refused(world: World) {
    let rig = Rig::set(world, Server::postgres()).await;
    let root = rig.admin();
    let path = format!("{}/databases", rig.path);
    for (wish, fields) in [
        (json!({"name": ""}), "name invalid"),
        (json!({"name": "Shop"}), "name invalid"),
        (json!({"name": "a\"; DROP DATABASE x; --"}), "name invalid"),
        (json!({"name": "x".repeat(33)}), "name invalid"),
        (json!({"name": "sho\u{440}"}), "name invalid"),
        (
            json!({"connections_from": "%'@'%"}),
            "connections_from invalid",
        ),
        (json!({"connections_from": ""}), "connections_from invalid"),
        (
            json!({"connections_from": "10.0.%"}),
            "connections_from conflict",
        ),
        (
            json!({"most_connections": 0}),
            "most_connections out_of_range",
        ),
        (
            json!({"host": DatabaseId::new().to_string()}),
            "host unknown",
        ),
    ] {
        let refused = root.post(&path, wish.clone()).await;
        assert_eq!(refused.fields(), [fields], "{wish}");
    }
    let odd = root.post(&path, json!({"password": "x"})).await;
    assert_eq!(odd.status, 422);
    let other = root.post(&path, json!({"engine": "mysql"})).await;
    assert_eq!(other.problem(409), "no_database_host");
    let none = game(&rig.scene, "none", json!(0)).await;
    let refused = root.post(&format!("{none}/databases"), json!({})).await;
    assert_eq!(refused.problem(409), "database_limit");
    let mut wish = rig.scene.wish("greedy");
    wish["limits"]["databases"] = json!(201);
    let refused = root.post("/servers", wish).await;
    assert_eq!(refused.fields(), ["limits.databases out_of_range"]);
    // Left out, a server may have none.
    let (_, plain) = rig.scene.server("plain").await;
    assert_eq!(plain["server"]["limits"]["databases"], 0);
    let list = root.get(&path).await.expect(200);
    assert_eq!(list["items"], json!([]));
}

async fn a_host_is_chosen_for_the_server_and_by_its_room(world: World) {
    let rig = Rig::set(world, Server::maria()).await;
    let root = rig.admin();
    let place = root
        .post("/locations", json!({"name": "far"}))
        .await
        .expect(201);
    let mut far = rig.server.wish(rig.gate.port);
    far["name"] = json!("far");
    far["locations"] = json!([place["id"]]);
    far["public_address"] = json!("db.example.net");
    far["public_port"] = json!(3307);
    far["most_connections"] = json!(10);
    let far = root.post("/database-hosts", far).await.expect(201);
    let hosts = format!("{}/database-hosts", rig.path);
    let shown = root.get(&hosts).await.expect(200);
    assert_eq!(shown["items"].as_array().unwrap().len(), 1);
    // What control logs in with is not theirs to see.
    assert!(!shown.to_string().contains(rig.server.admin()));
    let path = format!("{}/databases", rig.path);
    let wish = json!({"host": far["id"]});
    let refused = root.post(&path, wish.clone()).await;
    assert_eq!(refused.fields(), ["host unknown"]);
    rig.made(json!({})).await;
    let node = format!("/nodes/{}", rig.scene.node.id);
    root.patch(&node, json!({"location": place["id"]}))
        .await
        .expect(200);
    let greedy = json!({"host": far["id"], "most_connections": 11});
    let refused = root.post(&path, greedy).await;
    assert_eq!(refused.fields(), ["most_connections out_of_range"]);
    // Now it serves this node, and has the more room.
    let made = rig.made(json!({"engine": "mariadb"})).await;
    assert_eq!(made["host"]["id"], far["id"]);
    assert_eq!(made["host"]["address"], "db.example.net");
    assert_eq!(made["most_connections"], 10);
    let connection = rig.connection(&made).await;
    assert!(text(&connection, "url").contains("@db.example.net:3307/"));
}

async fn a_suspended_server_gets_nothing_and_a_deleted_one_leaves_nothing(world: World) {
    let rig = Rig::set(world, Server::postgres()).await;
    let root = rig.admin();
    let made = rig.made(json!({})).await;
    let suspend = |on: bool| root.patch(&rig.path, json!({"suspended": on}));
    suspend(true).await.expect(200);
    let at = rig.at(&made);
    for refused in [
        root.post(&format!("{}/databases", rig.path), json!({}))
            .await,
        root.post(&format!("{at}/rotate"), json!({})).await,
        root.get(&format!("{at}/connection")).await,
        rig.drop(&made).await,
    ] {
        assert_eq!(refused.problem(409), "suspended");
    }
    suspend(false).await.expect(200);
    let names = (text(&made, "name"), text(&made, "username"));
    assert_eq!(rig.server.knows(names.0, names.1), (true, true));
    root.delete(&format!("{}?name=game", rig.path))
        .await
        .expect(202);
    eventually_async("its databases to be gone", SOON, || async {
        (rig.server.knows(names.0, names.1) == (false, false)).then_some(())
    })
    .await
    .unwrap();
    eventually_async("their rows to be gone", SOON, || async {
        let host = root.get(&rig.host).await.expect(200);
        (host["databases"] == 0).then_some(())
    })
    .await
    .unwrap();
    root.delete(&rig.host).await.expect(204);
}

async fn a_host_that_is_away_is_waited_for_and_may_be_forgotten(world: World) {
    let rig = Rig::set(world, Server::maria()).await;
    let root = rig.admin();
    rig.gate.shut();
    let made = rig.made(json!({})).await;
    assert_eq!(made["state"], "creating");
    assert_eq!(made["problem"]["code"], "unreachable");
    let told = made["problem"]["detail"].as_str().unwrap();
    assert!(
        told.starts_with("the database host does not answer"),
        "{told}"
    );
    let connection = root.get(&format!("{}/connection", rig.at(&made))).await;
    assert_eq!(connection.problem(409), "database_busy");
    // By itself, when the host is back.
    rig.gate.open();
    rig.ready(&made).await;
    rig.gate.shut();
    let hosted = format!("{}/databases", rig.host);
    root.delete(&format!("{}?name=game", rig.path))
        .await
        .expect(202);
    let left = eventually_async("a removal that fails", SOON, || async {
        let rows = root.get(&hosted).await.expect(200);
        let row = rows["items"][0].clone();
        (row["failures"] != 0).then_some(row)
    })
    .await
    .unwrap();
    assert_eq!(
        (&left["state"], &left["orphaned"]),
        (&json!("dropping"), &json!(true))
    );
    assert_eq!(left["server"]["name"], "game");
    assert_eq!(left["problem"], "unreachable");
    let host = root.get(&rig.host).await.expect(200);
    assert_eq!(
        (&host["databases"], &host["troubled"]),
        (&json!(1), &json!(1))
    );
    let used = root.get("/account/quota").await.expect(200);
    assert_eq!(
        used["used"]["databases"], 1,
        "the host's room is taken still"
    );
    let refused = root.delete(&rig.host).await;
    assert_eq!(refused.problem(409), "database_host_in_use");
    let one = format!("{hosted}/{}", text(&left, "id"));
    let astray = one.replace(
        rig.host.rsplit('/').next().unwrap(),
        &DatabaseId::new().to_string(),
    );
    assert_eq!(root.delete(&astray).await.problem(404), "not_found");
    root.delete(&one).await.expect(204);
    let log = root.get("/audit?action=database.forget").await.expect(200);
    assert_eq!(log["items"][0]["diff"]["name"], left["name"]);
    root.delete(&rig.host).await.expect(204);
}

async fn a_server_is_not_given_with_more_databases_than_its_new_owner_may_have(world: World) {
    let rig = Rig::set(world, Server::maria()).await;
    let bob = rig.scene.panel.logged_in("bob", false).await;
    let made = rig.made(json!({})).await;
    let refused = rig
        .admin()
        .delete(&format!("{}/databases/{}", rig.host, text(&made, "id")))
        .await;
    assert_eq!(refused.problem(409), "database_wanted");
    let quota = format!("/users/{}/quota", bob.id.unwrap());
    let set = |most: u32| rig.admin().put(&quota, json!({"databases": most}));
    set(0).await.expect(200);
    let give = json!({"owner": bob.id.unwrap().to_string()});
    let refused = rig.admin().patch(&rig.path, give.clone()).await;
    assert_eq!(refused.problem(409), "quota_exceeded");
    set(1).await.expect(200);
    rig.admin().patch(&rig.path, give).await.expect(200);
    // It is theirs, with all keys of an owner.
    let at = format!("{}/connection", rig.at(&made));
    bob.get(&at).await.expect(200);
    let path = format!("{}/databases", rig.path);
    let more = bob.post(&path, json!({})).await;
    assert_eq!(more.problem(409), "quota_exceeded");
}

/// Killed in the middle of its work, with nothing said: what it had in hand is done by the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_control_that_is_killed_leaves_nothing_undone() {
    let world = World::of_processes(true, 1).await;
    let server = Server::maria();
    let gate = crate::database_rig::Gate::to(server.port()).await;
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let host = admin
        .post("/database-hosts", server.wish(gate.port))
        .await
        .expect(201);
    let node = crate::fake_node::FakeNode::join(&panel.world).await;
    let game = panel.world.server(node.id).await;
    let id = DatabaseId::new().to_string();
    let app = &panel.world.app;
    let now_ms = app.clock.now_ms();
    let secret = app.keys.sealer.seal(&place(&id), b"aB3aB3aB3aB3").unwrap();
    let (name, username) = (format!("w{}_x", &id[16..]), format!("u{}", &id[16..]));
    let row = databases::ActiveModel {
        id: Set(id.clone()),
        server_id: Set(game.to_string()),
        host_id: Set(text(&host, "id").into()),
        name: Set(name.clone()),
        username: Set(username.clone()),
        connections_from: Set("%".into()),
        most_connections: Set(None),
        secret: Set(secret),
        next_secret: Set(None),
        state: Set("creating".into()),
        failures: Set(0),
        problem: Set(None),
        problem_detail: Set(None),
        due_at_ms: Set(now_ms),
        leased_by: Set(None),
        leased_until_ms: Set(0),
        created_at_ms: Set(now_ms),
        updated_at_ms: Set(now_ms),
    };
    // From the fourth piece on nothing comes back, and the process waits.
    gate.hold_at(4);
    let tx = app.db.begin(Lane::People).await.unwrap();
    databases::Entity::insert(row)
        .exec_without_returning(&*tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    eventually_async("control to be in the middle of it", SOON, || async {
        gate.holds().then_some(())
    })
    .await
    .unwrap();
    let mut panel = panel;
    panel.world.processes[0].kill9();
    assert_ne!(
        server.knows(&name, &username),
        (false, false),
        "half of it is there"
    );
    gate.open();
    panel.world.spawn_control();
    let app = &panel.world.app;
    eventually_async("the next control to finish it", LONG, || async {
        let row = databases::Entity::find_by_id(&*id).one(app.db.read()).await;
        (row.unwrap().unwrap().state == "ready").then_some(())
    })
    .await
    .unwrap();
    assert_eq!(server.knows(&name, &username), (true, true));
    let connection = json!({"username": username, "password": "aB3aB3aB3aB3", "database": name});
    server.sql(&connection, "CREATE TABLE t (id INT)").unwrap();
    if let Server::Maria(server) = &server {
        let tidy = format!("DROP USER {username}; DROP DATABASE {name}");
        server.sql(&tidy).unwrap();
    }
}
