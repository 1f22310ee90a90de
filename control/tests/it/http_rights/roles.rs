//! Roles: over what they count, until when, and of whose keys they are made.

use serde_json::{Value, json};
use warren_control::access::Key;
use warren_proto::ids::{LocationId, NodeId, ServerId, UserId};

use super::{Many, end_now, names, sorted, use_until};
use crate::{on_both, world::World};

on_both! {
    a_role_counts_over_what_it_was_given_and_from_and_to_that_moment
    a_role_is_made_of_ones_own_keys_alone
    what_gives_a_right_is_told
    what_is_taken_away_ends_the_tickets_that_hold_it
}

async fn a_role_counts_over_what_it_was_given_and_from_and_to_that_moment(world: World) {
    let many = Many::set(world).await;
    let ann = many.panel.logged_in("ann", false).await;
    let keys = json!([
        "node.read",
        "server.read",
        "control.console",
        "admin.server.suspend"
    ]);
    let role = many.role("Support", keys).await;
    let suspend = |server: ServerId| (format!("/servers/{server}"), json!({"suspended": true}));
    let (path, body) = suspend(many.server);
    ann.patch(&path, body.clone()).await.problem(404);
    assert_eq!(ann.get("/nodes").await.problem(403), "forbidden");
    // Over one node.
    let grant = many
        .grant(&role, &ann, "node", Some(many.node.to_string()))
        .await;
    assert_eq!(names(&ann, "/servers").await, sorted(&[many.server]));
    assert_eq!(names(&ann, "/nodes").await, [many.node.to_string()]);
    ann.get(&format!("/nodes/{}", many.other_node))
        .await
        .problem(404);
    ann.patch(&path, body.clone()).await.expect(200);
    let (foreign, wish) = suspend(many.other);
    ann.patch(&foreign, wish).await.problem(404);
    let rename = ann.patch(&path, json!({"name": "x"})).await;
    assert_eq!(rename.problem(403), "forbidden");
    assert_eq!(
        ann.post("/nodes/tokens", json!({})).await.problem(403),
        "forbidden"
    );
    let again = json!({"user": ann.id.unwrap().to_string(), "reach": "node", "target": many.node.to_string()});
    let again = many
        .admin
        .post(&format!("/roles/{role}/grants"), again)
        .await;
    assert_eq!(again.problem(409), "has_role");
    many.admin
        .delete(&format!("/grants/{grant}"))
        .await
        .expect(204);
    ann.patch(&path, body.clone()).await.problem(404);
    assert!(names(&ann, "/servers").await.is_empty());
    // Over a place: what stands there, and no longer than it stands there.
    let place = many
        .admin
        .post("/locations", json!({"name": "fra-1"}))
        .await
        .expect(201);
    let place = place["id"].as_str().unwrap().to_owned();
    many.grant(&role, &ann, "location", Some(place.clone()))
        .await;
    assert!(names(&ann, "/servers").await.is_empty());
    let moved = format!("/nodes/{}", many.other_node);
    let node = many
        .admin
        .patch(&moved, json!({"location": place}))
        .await
        .expect(200);
    assert_eq!(node["location"], json!(place));
    assert_eq!(names(&ann, "/servers").await, sorted(&[many.other]));
    assert_eq!(names(&ann, "/nodes").await, [many.other_node.to_string()]);
    ann.get(&format!("/servers/{}", many.other))
        .await
        .expect(200);
    let used = many.admin.delete(&format!("/locations/{place}")).await;
    assert_eq!(used.problem(409), "location_in_use");
    many.admin
        .patch(&moved, json!({"location": ""}))
        .await
        .expect(200);
    ann.get(&format!("/servers/{}", many.other))
        .await
        .problem(404);
    let unknown = json!({"location": LocationId::new().to_string()});
    assert_eq!(
        many.admin.patch(&moved, unknown).await.fields(),
        ["location unknown"]
    );
    // Nor does anybody move nodes to where somebody has more than they have.
    let mover = many.panel.logged_in("mover", false).await;
    let movers = many
        .role("Movers", json!(["node.read", "node.update"]))
        .await;
    many.grant(&movers, &mover, "everything", None).await;
    let to_place = json!({"location": place});
    assert_eq!(
        mover.patch(&moved, to_place).await.problem(403),
        "more_than_own"
    );
    // Over one server.
    many.grant(&role, &ann, "server", Some(many.other.to_string()))
        .await;
    assert_eq!(names(&ann, "/servers").await, sorted(&[many.other]));
    // Over everything, until its end.
    many.grant(&role, &ann, "everything", None).await;
    assert_eq!(
        names(&ann, "/servers").await,
        sorted(&[many.server, many.other])
    );
    assert_eq!(names(&ann, "/nodes").await.len(), 2);
    end_now(&many, "grants").await;
    assert!(names(&ann, "/servers").await.is_empty());
    ann.get(&format!("/servers/{}", many.server))
        .await
        .problem(404);
    // A role that is narrowed counts less at once.
    many.admin
        .delete(&format!("/roles/{role}"))
        .await
        .expect(204);
    let role = many
        .role("Support", json!(["server.read", "settings.rename"]))
        .await;
    many.grant(&role, &ann, "everything", None).await;
    ann.patch(&path, json!({"name": "renamed"}))
        .await
        .expect(200);
    let less = json!({"keys": ["server.read"]});
    many.admin
        .patch(&format!("/roles/{role}"), less)
        .await
        .expect(200);
    assert_eq!(
        ann.patch(&path, json!({"name": "again"}))
            .await
            .problem(403),
        "forbidden"
    );
    // Bad input.
    let bad = |body: Value| many.admin.post("/roles", body);
    let taken = bad(json!({"name": "sUPPORT", "keys": []})).await;
    assert_eq!(taken.fields(), ["name taken"]);
    let unknown = bad(json!({"name": "x", "keys": ["server.read", "fly"]})).await;
    assert_eq!(unknown.fields(), ["keys.1 unknown"]);
    let user = ann.id.unwrap().to_string();
    let path = format!("/roles/{role}/grants");
    for (body, field) in [
        (json!({"user": user, "reach": "node"}), "target invalid"),
        (
            json!({"user": user, "reach": "node", "target": "*"}),
            "target invalid",
        ),
        (
            json!({"user": user, "reach": "node", "target": NodeId::new().to_string()}),
            "target unknown",
        ),
        (
            json!({"user": user, "reach": "everything", "target": user}),
            "target unknown",
        ),
        (
            json!({"user": UserId::new().to_string(), "reach": "everything"}),
            "user unknown",
        ),
    ] {
        assert_eq!(many.admin.post(&path, body).await.fields(), [field]);
    }
}

async fn a_role_is_made_of_ones_own_keys_alone(world: World) {
    let many = Many::set(world).await;
    let ann = many.panel.logged_in("ann", false).await;
    let keys = json!([
        "role.read",
        "role.create",
        "role.update",
        "role.delete",
        "role.grant",
        "server.read",
    ]);
    let manager = many.role("Managers", keys).await;
    many.grant(&manager, &ann, "everything", None).await;
    let strong = many
        .role("Strong", json!(["server.read", "node.delete"]))
        .await;
    let wish = json!({"name": "Mine", "keys": ["server.read", "node.delete"]});
    assert_eq!(ann.post("/roles", wish).await.problem(403), "more_than_own");
    let made = ann
        .post("/roles", json!({"name": "Mine", "keys": ["server.read"]}))
        .await;
    let mine = made.expect(201)["id"].as_str().unwrap().to_owned();
    let more = json!({"keys": ["server.read", "control.console"]});
    assert_eq!(
        ann.patch(&format!("/roles/{mine}"), more)
            .await
            .problem(403),
        "more_than_own"
    );
    // Her own role, too: the shortest way up.
    let all: Vec<&str> = Key::ALL.iter().map(|k| k.as_str()).collect();
    let up = ann
        .patch(&format!("/roles/{manager}"), json!({"keys": all}))
        .await;
    assert_eq!(up.problem(403), "more_than_own");
    let own = |role: &str| {
        (
            format!("/roles/{role}/grants"),
            json!({"user": ann.id.unwrap().to_string(), "reach": "everything"}),
        )
    };
    let (path, body) = own(&strong);
    assert_eq!(ann.post(&path, body).await.problem(403), "more_than_own");
    for answer in [
        ann.patch(&format!("/roles/{strong}"), json!({"keys": []}))
            .await,
        ann.delete(&format!("/roles/{strong}")).await,
    ] {
        assert_eq!(answer.problem(403), "more_than_own");
    }
    let (path, body) = own(&mine);
    assert_eq!(ann.post(&path, body).await.problem(403), "own_rights");
    let friend = many.panel.account("friend", false, false).await;
    let body = json!({"user": friend.to_string(), "reach": "everything"});
    ann.post(&path, body.clone()).await.expect(201);
    // What she has for a day she gives for a day.
    use_until(&many, "grants", 86_400_000).await;
    let other = many.panel.account("other", false, false).await;
    let body = json!({"user": other.to_string(), "reach": "everything"});
    let endless = ann.post(&path, body.clone()).await;
    assert_eq!(endless.fields(), ["expires_at after_own"]);
    let soon = warren_control::http::Stamp(many.panel.world.app.clock.now_ms() + 60_000);
    let mut short = body;
    short["expires_at"] = json!(soon.to_string());
    ann.post(&path, short).await.expect(201);
    // With the same keys over one node alone, nothing over everything is hers to give.
    let bob = many.panel.logged_in("bob", false).await;
    let grants = names(&many.admin, &format!("/users/{}/grants", ann.id.unwrap())).await;
    for grant in grants {
        many.admin
            .delete(&format!("/grants/{grant}"))
            .await
            .expect(204);
    }
    many.grant(&manager, &bob, "node", Some(many.node.to_string()))
        .await;
    assert_eq!(bob.get("/roles").await.problem(403), "forbidden");
    let (path, body) = own(&mine);
    assert_eq!(bob.post(&path, body).await.problem(403), "forbidden");
}

async fn what_gives_a_right_is_told(world: World) {
    let many = Many::set(world).await;
    let ann = many.panel.logged_in("ann", false).await;
    let why = async |person: &str, query: String| {
        let path = format!("/users/{person}/why?{query}");
        many.admin.get(&path).await.expect(200)
    };
    let kinds = |why: &Value| -> Vec<String> {
        let because = why["because"].as_array().unwrap().iter();
        because
            .map(|r| r["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    let id = ann.id.unwrap().to_string();
    let start = format!("key=control.start&server={}", many.server);
    let no = why(&id, start.clone()).await;
    assert_eq!((&no["allowed"], kinds(&no).len()), (&json!(false), 0));
    many.share(many.server, "ann", json!(["control.start"]))
        .await;
    let role = many.role("Starters", json!(["control.start"])).await;
    many.grant(&role, &ann, "node", Some(many.node.to_string()))
        .await;
    let yes = why(&id, start).await;
    assert_eq!(yes["allowed"], json!(true));
    assert_eq!(kinds(&yes), ["share", "role"]);
    assert_eq!(yes["because"][1]["role"]["name"], "Starters");
    let stop = why(&id, format!("key=control.stop&server={}", many.server)).await;
    assert_eq!(stop["allowed"], json!(false));
    let bob = many.panel.logged_in("bob", false).await;
    let bobs = bob.id.unwrap().to_string();
    many.grant(&role, &bob, "server", Some(many.server.to_string()))
        .await;
    let sees = why(&bobs, format!("key=server.read&server={}", many.server)).await;
    assert_eq!(kinds(&sees), ["sees"]);
    let root = many.admin.id.unwrap().to_string();
    assert_eq!(
        kinds(&why(&root, "key=node.delete".into()).await),
        ["admin"]
    );
    let owner = many.panel.world.row(many.server).await.owner_id;
    let owns = why(&owner, format!("key=server.delete&server={}", many.server)).await;
    assert_eq!(kinds(&owns), ["owner"]);
    let bad = many
        .admin
        .get(&format!("/users/{id}/why?key=control.fly"))
        .await;
    assert_eq!(bad.fields(), ["key unknown"]);
}

async fn what_is_taken_away_ends_the_tickets_that_hold_it(world: World) {
    use sea_orm::{EntityTrait, QueryOrder, QuerySelect};
    let many = Many::set(world).await;
    let ann = many.panel.logged_in("ann", false).await;
    let id = ann.id.unwrap().to_string();
    let last = async || -> Option<String> {
        let rows = warren_entity::revocations::Entity::find();
        let rows = rows
            .order_by_desc(warren_entity::revocations::Column::Counter)
            .limit(1);
        let row = rows.one(many.panel.world.app.db.read()).await.unwrap();
        row.map(|r| format!("{} {} {}", r.counter, r.kind, r.subject_id))
    };
    let mut before = last().await;
    let mut ended = async |what: &str| {
        let now = last().await;
        assert_ne!(now, before, "{what}");
        let end = format!("user {id}");
        assert!(
            now.as_ref().is_some_and(|n| n.ends_with(&end)),
            "{what}: {now:?}"
        );
        before = now;
    };
    let users = format!("/servers/{}/users", many.server);
    many.share(many.server, "ann", json!(["control.start", "control.stop"]))
        .await;
    let less = json!({"keys": ["control.start"]});
    many.admin
        .put(&format!("{users}/{id}"), less)
        .await
        .expect(200);
    ended("a share that holds less").await;
    many.admin
        .delete(&format!("{users}/{id}"))
        .await
        .expect(204);
    ended("a share that is gone").await;
    let role = many
        .role("Some", json!(["control.start", "control.stop"]))
        .await;
    let grant = many.grant(&role, &ann, "everything", None).await;
    many.admin
        .patch(&format!("/roles/{role}"), json!({"keys": ["control.stop"]}))
        .await
        .expect(200);
    ended("a role that holds less").await;
    many.admin
        .delete(&format!("/grants/{grant}"))
        .await
        .expect(204);
    ended("a role taken back").await;
    many.grant(&role, &ann, "everything", None).await;
    many.admin
        .delete(&format!("/roles/{role}"))
        .await
        .expect(204);
    ended("a role that is gone").await;
    let reset = format!("/users/{id}/password");
    many.admin.post(&reset, json!({})).await.expect(201);
    ended("a password that was reset").await;
}
