//! Lists over a hundred thousand servers: what a page costs does not depend on how many there are, which the
//! plan of its query tells, and the clock of a busy machine does not.

use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};
use serde_json::json;
use warren_control::{
    access::{Actor, Grant, KeySet, Reach, Via},
    db::Lane,
    http::{Page, Sort},
    server::{
        dto::{ServerQuery, ServerState},
        list,
        row::Row,
        search::Search,
    },
};
use warren_proto::ids::{EggId, NodeId, SessionId, UserId};

use crate::{
    fake_node::FakeNode,
    http_servers::{Scene, give},
    on_both,
    world::World,
};

on_both! {
    every_list_of_many_servers_is_read_from_an_index
    servers_and_nodes_are_filtered_and_counted
    lists_come_by_name_or_age_either_way_and_tell_more_when_asked
}

const MANY: usize = 100_000;
const STATES: [&str; 4] = ["stopped", "running", "running", "crashed"];

/// Copies of one server, on its node; each third one of another owner, each thousandth one crashed.
async fn fill(world: &World, like: &str, owner: UserId) {
    let tx = world.app.db.begin(Lane::Machines).await.unwrap();
    let columns = "description, node_id, egg_id, image, startup, limits, crash_policy, suspended, generation, rev, \
        power, power_generation, restarts, spec, state_since_ms, observed_generation, created_at_ms, updated_at_ms";
    for (part, some) in (0..MANY).collect::<Vec<_>>().chunks(500).enumerate() {
        let rows: Vec<String> = some
            .iter()
            .map(|i| {
                let state = if i % 1000 == 0 {
                    "crashed"
                } else {
                    STATES[i % 2]
                };
                format!("('{i:026}', 'server {i:06}', '{state}', {})", i % 3)
            })
            .collect();
        let sql = format!(
            "INSERT INTO servers (id, name, state, owner_id, {columns}) \
             SELECT v.column1, v.column2, v.column3, \
             CASE WHEN v.column4 = 0 THEN '{owner}' ELSE s.owner_id END, {} \
             FROM (VALUES {}) AS v, servers s WHERE s.id = '{like}'",
            columns
                .split(", ")
                .map(|c| format!("s.{c}"))
                .collect::<Vec<_>>()
                .join(", "),
            rows.join(", "),
        );
        tx.execute_unprepared(&sql)
            .await
            .unwrap_or_else(|e| panic!("part {part}: {e}"));
    }
    let names = "INSERT INTO server_names (server_id, folded) SELECT id, name FROM servers WHERE name LIKE 'server %'";
    tx.execute_unprepared(names).await.unwrap();
    let grams = "WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < 11) \
        INSERT INTO server_grams (gram, server_id) \
        SELECT DISTINCT substr(folded, n, 3), server_id FROM server_names JOIN place ON n <= length(folded) - 2";
    tx.execute_unprepared(grams).await.unwrap();
    let ports = "INSERT INTO allocations (id, node_id, ip, port, server_id, is_primary, withdrawn, created_at_ms) \
        SELECT id, node_id, '10.0.' || substr(id, 21, 2) || '.1', 10000 + CAST(substr(id, 23) AS INTEGER), id, \
        TRUE, FALSE, 0 FROM servers WHERE name LIKE 'server %'";
    tx.execute_unprepared(ports).await.unwrap();
    tx.commit().await.unwrap();
    if world.app.db.main.is_postgres() {
        // As autovacuum does after a while; it can't run in a transaction.
        let vacuum = world.app.db.read().execute_unprepared("VACUUM ANALYZE");
        vacuum.await.unwrap();
    }
}

async fn plan(world: &World, query: Statement) -> String {
    plan_on(world.app.db.read(), query).await
}

async fn plan_on(db: &impl ConnectionTrait, query: Statement) -> String {
    let backend = db.get_database_backend();
    let explain = match backend {
        DbBackend::Postgres => "EXPLAIN (COSTS OFF)",
        _ => "EXPLAIN QUERY PLAN",
    };
    let sql = format!("{explain} {query}");
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await
        .unwrap();
    let lines = rows.iter().map(|row| match backend {
        DbBackend::Postgres => row.try_get_by_index::<String>(0).unwrap(),
        _ => row.try_get::<String>("", "detail").unwrap(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn every_list_of_many_servers_is_read_from_an_index(world: World) {
    let node = FakeNode::join(&world).await;
    let (owner, other) = (world.user().await, world.user().await);
    let like = world.server_of(node.id, owner).await;
    let like_row = world.row(like).await;
    fill(&world, &like.to_string(), other).await;
    let actor = |user, admin| Actor {
        user,
        username: String::new(),
        admin,
        grants: [].into(),
        shared: false,
        via: Via::Session(SessionId::new()),
        scope: KeySet::all(),
    };
    let (admin, person) = (actor(owner, true), actor(other, false));
    let guest = Actor {
        shared: true,
        grants: [Grant {
            keys: KeySet::all(),
            reach: Reach::Node(NodeId::new()),
        }]
        .into(),
        ..actor(owner, false)
    };
    let backend = world.app.db.read().get_database_backend();
    let half = Some("MDAwMDAwMDAwMDAwMDAwMDAwMDAwNTAwMDA".to_owned());
    let page = || ServerQuery {
        cursor: half.clone(),
        ..ServerQuery::default()
    };
    let node_id: NodeId = node.id;
    let egg: EggId = like_row.egg_id.parse().unwrap();
    let of_state = |state| ServerQuery {
        state: Some(state),
        ..page()
    };
    let cases = [
        (&admin, page()),
        (&admin, of_state(ServerState::Running)),
        (&admin, of_state(ServerState::Crashed)),
        (
            &admin,
            ServerQuery {
                node: Some(node_id),
                ..page()
            },
        ),
        (
            &admin,
            ServerQuery {
                egg: Some(egg),
                ..page()
            },
        ),
        (&person, page()),
        (&person, of_state(ServerState::Crashed)),
        (&guest, ServerQuery::default()),
        (
            &admin,
            ServerQuery {
                search: Some("012345".into()),
                ..ServerQuery::default()
            },
        ),
        (
            &admin,
            ServerQuery {
                search: Some("server 0".into()),
                ..page()
            },
        ),
        (
            &admin,
            ServerQuery {
                search: Some("r 04".into()),
                state: Some(ServerState::Running),
                ..page()
            },
        ),
        (
            &admin,
            ServerQuery {
                search: Some("9".into()),
                ..page()
            },
        ),
    ];
    for (actor, query) in cases {
        let search = match &query.search {
            Some(text) => Search::of(world.app.db.read(), text).await.unwrap(),
            None => None,
        };
        let select = list::select(actor, 0, &query, search.as_ref()).unwrap();
        let plan = plan(&world, select.build(backend)).await;
        println!("{query:?}\n{plan}\n");
        for table in ["servers", "server_grams", "server_names", "allocations"] {
            assert!(
                !plan.contains(&format!("Seq Scan on {table}")),
                "{query:?}:\n{plan}"
            );
            let scanned =
                |line: &str| line.starts_with(&format!("SCAN {table}")) && !line.contains("INDEX");
            assert!(!plan.lines().any(scanned), "{query:?}:\n{plan}");
        }
        match &query.search {
            Some(text) if text.len() > 2 => {
                assert!(plan.contains("server_grams"), "{query:?}:\n{plan}")
            }
            // The few that a rare search finds, or that somebody may see, may be sorted; a list is read in order.
            _ if actor.shared => {}
            _ => assert!(
                !plan.contains("Sort") && !plan.contains("TEMP B-TREE"),
                "{query:?}:\n{plan}"
            ),
        }
        let rows = select.into_model::<Row>();
        let rows = rows.all(world.app.db.read()).await.unwrap();
        assert!(!rows.is_empty(), "{query:?}");
        assert!(rows.windows(2).all(|w| w[0].id > w[1].id), "newest first");
    }
    // By name, from the end of one page in the middle and the other way round: read in the order of the names.
    for sort in [Sort::Name, Sort::NameBack] {
        let after = sort.key("00000000000000000000050000", "server 050000");
        let query = ServerQuery {
            sort: Some(sort),
            cursor: Some(Page::<()>::cursor(&after)),
            ..ServerQuery::default()
        };
        let select = list::select(&admin, 0, &query, None).unwrap();
        let plan = plan(&world, select.build(backend)).await;
        println!("{query:?}\n{plan}\n");
        assert!(plan.contains("server_names_order"), "{plan}");
        assert!(
            !plan.contains("Seq Scan on server") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
        let rows = select.into_model::<Row>();
        let rows = rows.all(world.app.db.read()).await.unwrap();
        let next = if sort == Sort::Name { 50_001 } else { 49_999 };
        assert_eq!(rows[0].id, format!("{next:026}"));
    }
    // Whether the index alone is read follows from how much a vacuum found visible to all, which others' snapshots hold up;
    // that it can be is what is asked here.
    let tx = world.app.db.begin(Lane::People).await.unwrap();
    if backend == DbBackend::Postgres {
        let no_table = tx.execute_unprepared("SET LOCAL enable_seqscan = off");
        no_table.await.unwrap();
    }
    let counting = plan_on(&*tx, list::select_tally(&admin, 0).build(backend)).await;
    println!("tally\n{counting}");
    let from_index = ["Index Only Scan", "COVERING INDEX"];
    assert!(
        from_index.iter().any(|how| counting.contains(how)),
        "{counting}"
    );
}

async fn servers_and_nodes_are_filtered_and_counted(world: World) {
    let mut scene = Scene::set(world).await;
    let (one, made) = scene.server("Größe").await;
    scene.server("other").await;
    let operation = made["operation"]["id"].as_str().unwrap().to_owned();
    scene.installed(one, &operation).await;
    let admin = scene.admin.clone();
    let names = async |path: String| {
        let page = admin.get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|s| s["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("/servers?search=GR%C3%96SS".into()).await,
        Vec::<String>::new()
    );
    assert_eq!(names("/servers?search=GR%C3%96".into()).await, ["Größe"]);
    assert_eq!(names(format!("/servers?search={one}")).await, ["Größe"]);
    assert_eq!(
        names(format!("/servers?egg={}&state=stopped", scene.egg)).await,
        ["Größe"]
    );
    assert_eq!(
        names(format!("/servers?egg={}", EggId::new())).await,
        Vec::<String>::new()
    );
    let renamed = json!({"name": "Gross"});
    scene
        .admin
        .patch(&format!("/servers/{one}"), renamed)
        .await
        .expect(200);
    assert_eq!(
        names("/servers?search=gr%C3%B6".into()).await,
        Vec::<String>::new()
    );
    assert_eq!(names("/servers?search=ROS".into()).await, ["Gross"]);
    let tally = scene.admin.get("/servers/tally").await.expect(200);
    let counts = |word: &str| tally[word].as_u64().unwrap();
    assert_eq!(
        (
            counts("total"),
            counts("stopped"),
            counts("new"),
            counts("running")
        ),
        (2, 1, 1, 0)
    );
    let owner = scene.panel.logged_in("owner", false).await;
    let none = owner.get("/servers/tally").await.expect(200);
    assert_eq!(none["total"], 0, "what one may not see is not counted");
    give(&scene, one, &owner).await;
    let own = owner.get("/servers/tally").await.expect(200);
    assert_eq!((&own["total"], &own["stopped"]), (&json!(1), &json!(1)));
    // Nodes.
    let node = format!("/nodes/{}", scene.node.id);
    scene
        .admin
        .patch(&node, json!({"name": "Rack 100%"}))
        .await
        .expect(200);
    for (query, found) in [
        ("search=100%25", 1),
        ("search=rack", 1),
        ("search=_", 0),
        ("state=online", 1),
        ("state=offline", 0),
        ("state=quarantined", 0),
        ("state=revoked", 0),
        ("state=online&search=rack", 1),
    ] {
        assert_eq!(
            names(format!("/nodes?{query}")).await.len(),
            found,
            "{query}"
        );
    }
    let bad = scene.admin.get("/nodes?state=flying").await;
    assert!(bad.fields()[0].starts_with("state"));
    scene
        .admin
        .post(&format!("{node}/revoke"), json!({}))
        .await
        .expect(202);
    assert_eq!(names("/nodes?state=revoked".into()).await, ["Rack 100%"]);
    assert_eq!(
        names("/nodes?state=online".into()).await,
        Vec::<String>::new()
    );
}

async fn lists_come_by_name_or_age_either_way_and_tell_more_when_asked(world: World) {
    let scene = Scene::set(world).await;
    let mut made = Vec::new();
    for name in ["beta", "Alpha", "ärger", "alpha", "Gamma"] {
        made.push(scene.server(name).await.0.to_string());
    }
    let admin = scene.admin.clone();
    // A page of two at a time, to the end.
    let all = async |list: &str, column: &str, sort: &str| {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/{list}?limit=2&sort={sort}{cursor}");
            let page = admin.get(&path).await.expect(200);
            let items = page["items"].as_array().unwrap().iter();
            seen.extend(items.map(|row| row[column].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return seen,
            }
        }
    };
    let up = all("servers", "name", "name").await;
    let folded = |names: &[String]| names.iter().map(|n| n.to_lowercase()).collect::<Vec<_>>();
    assert_eq!(up.len(), 5, "each once: {up:?}");
    assert_eq!(folded(&up)[..2], ["alpha", "alpha"]);
    let place = |name: &str| up.iter().position(|n| n == name).unwrap();
    assert!(place("beta") < place("Gamma"));
    let mut down = all("servers", "name", "-name").await;
    down.reverse();
    assert_eq!(down, up, "the other way is the same turned round");
    assert_eq!(all("servers", "id", "created_at").await, made);
    made.reverse();
    assert_eq!(all("servers", "id", "-created_at").await, made);
    let found = all("servers", "name", "name&search=alpha").await;
    assert_eq!(folded(&found), ["alpha", "alpha"]);

    for name in ["zoe", "Yann", "abe"] {
        scene.panel.account(name, false, false).await;
    }
    let people = all("users", "username", "name").await;
    let sorted = {
        let mut sorted = people.clone();
        sorted.sort_by_key(|name| name.to_lowercase());
        sorted
    };
    assert_eq!(people, sorted);
    let mut back = all("users", "username", "-name").await;
    back.reverse();
    assert_eq!(back, people);
    assert_eq!(all("nodes", "id", "name").await.len(), 1);
    assert_eq!(all("nodes", "id", "-created_at").await.len(), 1);

    let plain = admin.get("/servers").await.expect(200);
    assert!(plain["items"][0].get("owner").is_none() && plain["items"][0].get("ports").is_none());
    let more = admin.get("/servers?include=owner,ports").await.expect(200);
    for server in more["items"].as_array().unwrap() {
        let path = format!("/servers/{}", server["id"].as_str().unwrap());
        let whole = admin.get(&path).await.expect(200);
        assert_eq!(server["owner"], whole["owner"]);
        assert_eq!(server["ports"], whole["allocations"]);
        assert!(!server["ports"].as_array().unwrap().is_empty());
    }
    for (query, field) in [
        ("include=password_hash", "include"),
        ("sort=password_hash", "sort"),
        ("sort=name&cursor=MDAx", "cursor"),
    ] {
        let refused = admin.get(&format!("/servers?{query}")).await.fields();
        assert!(refused[0].starts_with(field), "{query}: {refused:?}");
    }
    let named = admin.get("/servers?sort=name&limit=2").await.expect(200);
    let cursor = named["next"].as_str().unwrap();
    let mixed = admin
        .get(&format!("/servers?cursor={cursor}"))
        .await
        .fields();
    assert!(mixed[0].starts_with("cursor"), "{mixed:?}");
}
