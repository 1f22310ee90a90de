//! Nests: eggs in groups, which are made, named, filled and removed by those who may.

use reqwest::{Method, header};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use warren_entity::{audit_log, eggs};

use crate::{
    http_panel::{Answer, Panel, Person},
    on_both,
    world::World,
};

on_both! {
    eggs_go_into_nests_and_are_found_by_them
    a_nest_that_eggs_are_in_is_not_removed
    an_egg_and_the_removal_of_its_nest_never_both_win
    names_are_unique_whatever_their_case_and_bad_ones_are_refused
    each_step_takes_its_own_key_and_stands_in_the_audit_log
}

async fn nest(admin: &Person, name: &str) -> String {
    let made = admin
        .post("/nests", json!({"name": name}))
        .await
        .expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn imported(admin: &Person, query: &str) -> Answer {
    let egg = json!({
        "meta": {"version": "PTDL_v2"}, "name": "One", "startup": "./run",
        "docker_images": {"a": "registry.example/game:1"},
    });
    let request = admin
        .request(Method::POST, &format!("/api/v1/eggs/import{query}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(egg.to_string());
    Answer::of(request.send().await.unwrap()).await
}

async fn listed(admin: &Person, query: &str) -> Vec<String> {
    let page = admin.get(&format!("/eggs{query}")).await.expect(200);
    let id = |egg: &Value| egg["id"].as_str().unwrap().to_owned();
    page["items"].as_array().unwrap().iter().map(id).collect()
}

async fn eggs_go_into_nests_and_are_found_by_them(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let (games, voice) = (nest(&admin, "Games").await, nest(&admin, "Voice").await);
    let made = imported(&admin, &format!("?nest={games}"))
        .await
        .expect(201);
    assert_eq!(made["egg"]["nest"], json!({"id": games, "name": "Games"}));
    let file = made["egg"]["id"].as_str().unwrap().to_owned();
    let starter = format!("/eggs/starters/minecraft-vanilla?nest={voice}");
    let made = admin.post(&starter, json!({})).await.expect(201);
    assert_eq!(made["egg"]["nest"]["name"], "Voice");
    let starter = made["egg"]["id"].as_str().unwrap().to_owned();
    let alone = imported(&admin, "").await.expect(201);
    assert!(alone["egg"]["nest"].is_null());
    let alone = alone["egg"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        listed(&admin, &format!("?nest={games}")).await,
        std::slice::from_ref(&file)
    );
    let outside = listed(&admin, "?nest=none").await;
    assert_eq!(outside, std::slice::from_ref(&alone));
    assert_eq!(listed(&admin, "").await.len(), 3);
    // Moved, moved out, and in the same place.
    let path = format!("/eggs/{file}");
    let moved = admin.patch(&path, json!({"nest": voice})).await.expect(200);
    assert_eq!(moved["nest"]["id"], voice);
    assert_eq!(
        listed(&admin, &format!("?nest={voice}")).await,
        [starter, file.clone()]
    );
    let out = admin.patch(&path, json!({"nest": ""})).await.expect(200);
    assert!(out["nest"].is_null());
    let same = admin.patch(&path, json!({})).await.expect(200);
    assert!(same["nest"].is_null());
    assert_eq!(listed(&admin, "?nest=none").await, [alone, file]);
    let counts = admin.get("/nests").await.expect(200);
    let counts: Vec<_> = counts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| (n["name"].as_str().unwrap(), n["eggs"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [("Games", 0), ("Voice", 1)]);
    // What there is not.
    let none = warren_proto::ids::NestId::new();
    for bad in ["x", &none.to_string()] {
        let refused = admin.patch(&path, json!({"nest": bad})).await;
        assert_eq!(refused.fields(), ["nest unknown"]);
        let refused = imported(&admin, &format!("?nest={bad}")).await;
        assert_eq!(refused.fields(), ["nest unknown"]);
    }
    assert_eq!(admin.get("/eggs?nest=x").await.fields(), ["nest invalid"]);
    assert!(listed(&admin, &format!("?nest={none}")).await.is_empty());
}

async fn a_nest_that_eggs_are_in_is_not_removed(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let games = nest(&admin, "Games").await;
    let made = imported(&admin, &format!("?nest={games}"))
        .await
        .expect(201);
    let path = format!("/nests/{games}");
    let refused = admin.delete(&path).await;
    assert!(refused.text.contains("an egg is in it"), "{}", refused.text);
    assert_eq!(refused.problem(409), "nest_in_use");
    // One that is deleted is kept for a while, and holds nothing.
    let egg = made["egg"]["id"].as_str().unwrap();
    admin.delete(&format!("/eggs/{egg}")).await.expect(204);
    admin.delete(&path).await.expect(204);
    assert_eq!(admin.get(&path).await.problem(404), "not_found");
    let row = eggs::Entity::find_by_id(egg)
        .one(panel.world.app.db.read())
        .await
        .unwrap()
        .unwrap();
    assert!(row.deleted_at_ms.is_some() && row.nest_id.is_none());
}

async fn an_egg_and_the_removal_of_its_nest_never_both_win(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let made = imported(&admin, "").await.expect(201);
    let egg = format!("/eggs/{}", made["egg"]["id"].as_str().unwrap());
    for n in 0..8 {
        let id = nest(&admin, &format!("Nest {n}")).await;
        let path = format!("/nests/{id}");
        let (moved, removed) =
            tokio::join!(admin.patch(&egg, json!({"nest": id})), admin.delete(&path));
        let now = admin.get(&egg).await.expect(200);
        if removed.status == 204 {
            assert_eq!(moved.fields(), ["nest unknown"]);
            assert_ne!(now["nest"]["id"], json!(id));
        } else {
            assert_eq!(removed.problem(409), "nest_in_use");
            moved.expect(200);
            assert_eq!(now["nest"]["id"], json!(id));
        }
    }
}

async fn names_are_unique_whatever_their_case_and_bad_ones_are_refused(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let first = nest(&admin, "Größe").await;
    let other = nest(&admin, "Other").await;
    let twice = admin.post("/nests", json!({"name": " GRÖSSE "})).await;
    twice.expect(201);
    let twice = admin.post("/nests", json!({"name": "gRÖße"})).await;
    assert_eq!(twice.fields(), ["name taken"]);
    let path = format!("/nests/{other}");
    let renamed = admin.patch(&path, json!({"name": "größe"})).await;
    assert_eq!(renamed.fields(), ["name taken"]);
    // Its own name in another case is free.
    let path = format!("/nests/{first}");
    let renamed = admin
        .patch(&path, json!({"name": "GRÖßE"}))
        .await
        .expect(200);
    assert_eq!(renamed["name"], "GRÖßE");
    for (bad, code) in [
        (json!({"name": " "}), "name required"),
        (json!({"name": "x".repeat(65)}), "name too_long"),
        (json!({"name": "a\u{202e}b"}), "name control_character"),
        (
            json!({"name": "a", "description": "\u{7}"}),
            "description control_character",
        ),
        (json!({"name": "a", "eggs": []}), "eggs invalid"),
        (json!({}), "name required"),
    ] {
        let refused = admin.post("/nests", bad.clone()).await;
        assert_eq!(refused.fields(), [code], "{bad}");
    }
}

async fn each_step_takes_its_own_key_and_stands_in_the_audit_log(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let games = nest(&admin, "Games").await;
    let made = imported(&admin, "").await.expect(201);
    let egg = format!("/eggs/{}", made["egg"]["id"].as_str().unwrap());
    let cook = panel.logged_in("cook", false).await;
    let role = admin
        .post("/roles", json!({"name": "Cook", "keys": ["egg.read"]}))
        .await
        .expect(201);
    let role = format!("/roles/{}", role["id"].as_str().unwrap());
    let give = json!({"user": cook.id.unwrap().to_string(), "reach": "everything"});
    admin
        .post(&format!("{role}/grants"), give)
        .await
        .expect(201);
    let nest = format!("/nests/{games}");
    let steps: [(&str, Method, &str, Option<Value>, u16); 6] = [
        ("nest.read", Method::GET, "/nests", None, 200),
        ("nest.read", Method::GET, &nest, None, 200),
        (
            "nest.create",
            Method::POST,
            "/nests",
            Some(json!({"name": "Voice"})),
            201,
        ),
        (
            "nest.update",
            Method::PATCH,
            &nest,
            Some(json!({"name": "Play"})),
            200,
        ),
        (
            "egg.update",
            Method::PATCH,
            &egg,
            Some(json!({"nest": games})),
            200,
        ),
        ("nest.delete", Method::DELETE, &nest, None, 409),
    ];
    for (key, method, path, body, status) in steps {
        let without = cook.send(method.clone(), path, body.clone()).await;
        assert!(
            without.text.contains(&format!("permission {key},")),
            "{}",
            without.text
        );
        assert_eq!(without.problem(403), "forbidden");
        admin
            .patch(&role, json!({"keys": ["egg.read", key]}))
            .await
            .expect(200);
        let with = cook.send(method, path, body).await;
        assert_eq!(with.status.as_u16(), status, "{key}: {}", with.text);
        admin
            .patch(&role, json!({"keys": ["egg.read"]}))
            .await
            .expect(200);
    }
    let rows = audit_log::Entity::find()
        .filter(audit_log::Column::ActorId.eq(cook.id.unwrap().to_string()))
        .filter(audit_log::Column::ResourceKind.is_in(["nest", "egg"]))
        .order_by_asc(audit_log::Column::Id)
        .all(panel.world.app.db.read())
        .await
        .unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.action.as_str(), row.diff.clone().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("nest.create", json!({"name": "Voice"})),
            (
                "nest.update",
                json!({"name": {"from": "Games", "to": "Play"}})
            ),
            ("egg.update", json!({"nest": {"from": null, "to": games}})),
        ]
    );
}
