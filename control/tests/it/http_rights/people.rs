//! Accounts and whose servers are: looked after within one's own rights.

use reqwest::Method;
use serde_json::{Value, json};
use warren_proto::ids::{NodeId, UserId};

use super::{Many, names};
use crate::{
    http_panel::{PASSWORD, Panel},
    on_both,
    world::World,
};

on_both! {
    accounts_are_looked_after_within_ones_own_rights
    the_last_admin_stays_one
    a_server_is_made_for_another_and_goes_to_another
    what_was_done_is_told_to_those_who_may_know
}

async fn accounts_are_looked_after_within_ones_own_rights(world: World) {
    let many = Many::set(world).await;
    let wish = json!({"username": "Cleo", "email": "cleo@example.net"});
    let made = many.admin.post("/users", wish.clone()).await.expect(201);
    let first = made["password"].as_str().unwrap().to_owned();
    let cleo = made["user"]["id"].as_str().unwrap().to_owned();
    assert!(made["user"]["must_change_password"].as_bool().unwrap());
    let twice = many
        .admin
        .post(
            "/users",
            json!({"username": "cleo", "email": "x@example.net"}),
        )
        .await;
    assert_eq!(twice.fields(), ["username taken"]);
    let mut person = many.panel.nobody();
    person.log_in("cleo", &first).await.expect(200);
    let code = person.get("/servers").await.problem(403);
    assert_eq!(code, "password_change_required");
    let change = json!({"current_password": first, "new_password": PASSWORD});
    person.put("/account/password", change).await.expect(204);
    assert!(person.get("/servers").await.expect(200)["items"].is_array());
    assert_eq!(
        many.admin.get("/users?search=CLE").await.expect(200)["items"][0]["id"],
        json!(cleo)
    );
    assert!(
        names(&many.admin, "/users?search=leo").await.is_empty(),
        "by how it begins"
    );
    // A helpdesk without more than its own keys.
    let helpdesk = json!([
        "person.read",
        "person.create",
        "person.update",
        "person.delete"
    ]);
    let role = many.role("Helpdesk", helpdesk).await;
    let ann = many.panel.logged_in("ann", false).await;
    many.grant(&role, &ann, "everything", None).await;
    let root = many.admin.id.unwrap();
    let rename = json!({"username": "mine"});
    for (method, body) in [
        (Method::PATCH, Some(rename.clone())),
        (Method::DELETE, None),
    ] {
        let answer = ann.send(method, &format!("/users/{root}"), body).await;
        assert_eq!(answer.problem(403), "more_than_own");
    }
    let admin = json!({"username": "evil", "email": "evil@example.net", "admin": true});
    assert_eq!(
        ann.post("/users", admin).await.problem(403),
        "more_than_own"
    );
    let own = format!("/users/{}", ann.id.unwrap());
    assert_eq!(
        ann.patch(&own, json!({"admin": true})).await.problem(409),
        "own_account"
    );
    // Nor by way of what somebody owns, or was given on a server.
    let owner = many.panel.world.row(many.server).await.owner_id;
    let friend = many.panel.account("friend", false, false).await;
    many.share(many.server, "friend", json!(["file.read"]))
        .await;
    for id in [owner, friend.to_string()] {
        let answer = ann.post(&format!("/users/{id}/password"), json!({})).await;
        assert_eq!(answer.problem(403), "more_than_own");
    }
    // A stolen key of an admin makes no admin and no log-in of another.
    let made = many
        .admin
        .post("/account/api-keys", json!({"name": "k"}))
        .await;
    let mut stolen = many.panel.nobody();
    stolen.key = Some(made.expect(201)["secret"].as_str().unwrap().to_owned());
    let second = many.panel.account("second", true, false).await;
    let admin = json!({"username": "evil", "email": "evil@example.net", "admin": true});
    assert_eq!(
        stolen.post("/users", admin).await.problem(403),
        "session_needed"
    );
    let answer = stolen
        .post(&format!("/users/{second}/password"), json!({}))
        .await;
    assert_eq!(answer.problem(403), "session_needed");
    // Somebody with a role that she lacks is out of her reach ...
    let strong = many.role("Strong", json!(["server.read"])).await;
    let bob = many.panel.logged_in("bob", false).await;
    let grant = many
        .grant(&strong, &bob, "node", Some(many.node.to_string()))
        .await;
    let bobs = format!("/users/{}", bob.id.unwrap());
    assert_eq!(ann.patch(&bobs, rename).await.problem(403), "more_than_own");
    // ... and without it is not: his log-ins end.
    many.admin
        .delete(&format!("/grants/{grant}"))
        .await
        .expect(204);
    let made = bob.post("/account/api-keys", json!({"name": "k"})).await;
    let mut key = many.panel.nobody();
    key.key = Some(made.expect(201)["secret"].as_str().unwrap().to_owned());
    key.get("/servers").await.expect(200);
    let made = ann.post(&format!("{bobs}/password"), json!({})).await;
    let made = made.expect(201)["password"].as_str().unwrap().to_owned();
    assert_eq!(bob.get("/servers").await.problem(401), "session_ended");
    assert_eq!(key.get("/servers").await.problem(401), "bad_api_key");
    let mut again = many.panel.nobody();
    again.log_in("bob", &made).await.expect(200);
    assert_eq!(
        again.get("/servers").await.problem(403),
        "password_change_required"
    );
    // An account that owns a server stays; one that owns none goes, with all of its doors.
    let owner = many.panel.world.row(many.server).await.owner_id;
    let owns = many.admin.delete(&format!("/users/{owner}")).await;
    assert_eq!(owns.problem(409), "owns_servers");
    let made = person
        .post("/account/api-keys", json!({"name": "script"}))
        .await
        .expect(201);
    let mut script = many.panel.nobody();
    script.key = Some(made["secret"].as_str().unwrap().to_owned());
    script.get("/servers").await.expect(200);
    many.admin
        .delete(&format!("/users/{cleo}"))
        .await
        .expect(204);
    assert_eq!(person.get("/servers").await.problem(401), "session_ended");
    assert_eq!(script.get("/servers").await.problem(401), "bad_api_key");
    many.admin.get(&format!("/users/{cleo}")).await.problem(404);
    // The name is free again.
    many.admin.post("/users", wish).await.expect(201);
}

async fn the_last_admin_stays_one(world: World) {
    let panel = Panel::open(world).await;
    let root = panel.as_admin().await;
    let own = format!("/users/{}", root.id.unwrap());
    let answer = root.patch(&own, json!({"admin": false})).await;
    assert_eq!(answer.problem(409), "own_account");
    assert_eq!(root.delete(&own).await.problem(409), "own_account");
    let second = panel.logged_in("second", true).await;
    let other = format!("/users/{}", second.id.unwrap());
    // Both unmake the other at once: one of them stays.
    let no = json!({"admin": false});
    let (one, two) = tokio::join!(root.patch(&other, no.clone()), second.patch(&own, no));
    let mut got = [one.status.as_u16(), two.status.as_u16()];
    got.sort_unstable();
    assert!(matches!(got, [200, 403 | 404 | 409]), "{got:?}");
    let mut left = 0;
    for person in [&root, &second] {
        let me = person.get("/session").await.expect(200);
        left += usize::from(me["user"]["admin"].as_bool().unwrap());
    }
    assert_eq!(left, 1);
}

async fn a_server_is_made_for_another_and_goes_to_another(world: World) {
    let many = Many::set(world).await;
    let ann = many.panel.logged_in("ann", false).await;
    let bob = many.panel.logged_in("bob", false).await;
    let (anns, bobs) = (ann.id.unwrap().to_string(), bob.id.unwrap().to_string());
    let egg = many.panel.world.row(many.server).await.egg_id;
    let wish = |node: NodeId, owner: Option<&str>| {
        json!({
            "name": "made",
            "egg": egg,
            "node": node.to_string(),
            "owner": owner,
            "limits": {"memory_bytes": 1 << 30, "cpu_percent": 150},
        })
    };
    let refused = ann.post("/servers", wish(many.node, None)).await;
    assert_eq!(refused.problem(403), "forbidden");
    // Whoever may make servers on one node makes them there, and for themselves.
    let keys = json!(["node.read", "admin.server.create"]);
    let role = many.role("Makers", keys).await;
    many.grant(&role, &ann, "node", Some(many.node.to_string()))
        .await;
    let made = ann
        .post("/servers", wish(many.node, None))
        .await
        .expect(201);
    assert_eq!(made["server"]["owner"], json!({"id": anns, "name": "ann"}));
    let elsewhere = ann.post("/servers", wish(many.other_node, None)).await;
    assert_eq!(elsewhere.problem(403), "forbidden");
    let for_bob = ann.post("/servers", wish(many.node, Some(&bobs))).await;
    assert_eq!(for_bob.problem(403), "forbidden");
    let nobody = UserId::new().to_string();
    let for_nobody = many
        .admin
        .post("/servers", wish(many.node, Some(&nobody)))
        .await;
    assert_eq!(for_nobody.fields(), ["owner unknown"]);
    let made = many
        .admin
        .post("/servers", wish(many.node, Some(&bobs)))
        .await;
    let server = made.expect(201)["server"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/servers/{server}");
    bob.get(&path).await.expect(200);
    // Whoever may give servers away, and has less there than an owner, would give it to themselves.
    let keys = json!(["server.read", "admin.server.owner"]);
    let role = many.role("Movers", keys).await;
    let cleo = many.panel.logged_in("cleo", false).await;
    many.grant(&role, &cleo, "everything", None).await;
    let to_cleo = json!({"owner": cleo.id.unwrap().to_string()});
    assert_eq!(
        cleo.patch(&path, to_cleo).await.problem(403),
        "more_than_own"
    );
    // An owner gives nothing away by this door; an admin does, and a share that is not needed any more goes.
    let to_ann = json!({"owner": anns});
    assert_eq!(
        bob.patch(&path, to_ann.clone()).await.problem(403),
        "forbidden"
    );
    many.share(server.parse().unwrap(), "ann", json!(["control.start"]))
        .await;
    let moved = many.admin.patch(&path, to_ann).await.expect(200);
    assert_eq!(moved["owner"]["name"], "ann");
    bob.get(&path).await.problem(404);
    ann.patch(&path, json!({"name": "mine"})).await.expect(200);
    let users = many.admin.get(&format!("{path}/users")).await.expect(200);
    assert_eq!(users["items"], json!([]));
}

async fn what_was_done_is_told_to_those_who_may_know(world: World) {
    let many = Many::set(world).await;
    let ann = many.panel.logged_in("ann", false).await;
    many.share(
        many.server,
        "ann",
        json!(["activity.read", "settings.rename"]),
    )
    .await;
    let made = ann
        .post("/account/api-keys", json!({"name": "script"}))
        .await;
    let mut script = many.panel.nobody();
    script.key = Some(made.expect(201)["secret"].as_str().unwrap().to_owned());
    let path = format!("/servers/{}", many.server);
    script
        .patch(&path, json!({"name": "by script"}))
        .await
        .expect(200);
    let activity = format!("{path}/activity");
    let rows = ann.get(&activity).await.expect(200)["items"].clone();
    let first = &rows[0];
    assert_eq!(first["action"], "server.update");
    assert_eq!(first["actor"]["user"]["name"], "ann");
    assert_eq!(first["actor"]["by"]["name"], "script");
    assert_eq!(first["diff"]["name"]["to"], "by script");
    assert!(first["address"].is_string(), "one's own");
    let given = &rows[1];
    assert_eq!(
        (&given["action"], &given["address"]),
        (&json!("user.create"), &Value::Null)
    );
    let other = format!("/servers/{}/activity", many.other);
    ann.get(&other).await.problem(404);
    assert_eq!(ann.get("/audit").await.problem(403), "forbidden");
    // The whole log, by what it is asked for and by the page.
    let anns = format!("/audit?user={}", ann.id.unwrap());
    let by_ann = many.admin.get(&anns).await.expect(200);
    let actions: Vec<&str> = by_ann["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["server.update", "api_key.create", "session.create"]
    );
    let count = async |query: &str| {
        let page = many.admin.get(&format!("/audit?{query}")).await.expect(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count("action=server.").await, 1);
    assert_eq!(count("action=server").await, 0);
    assert_eq!(count("action=%25.").await, 0, "what is typed is no pattern");
    assert_eq!(
        count(&format!("server={}&action=user.", many.server)).await,
        1
    );
    assert_eq!(count("to=2020-01-01T00:00:00Z").await, 0);
    let first = many.admin.get("/audit?limit=1").await.expect(200);
    let cursor = first["next"].as_str().unwrap();
    let second = many
        .admin
        .get(&format!("/audit?limit=1&cursor={cursor}"))
        .await
        .expect(200);
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
}
