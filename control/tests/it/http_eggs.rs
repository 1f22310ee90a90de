//! Eggs over HTTP: everything that is published goes in, everything broken is refused with a reason.

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::{
    http_panel::{Answer, Panel, Person},
    on_both,
    world::World,
};

on_both! {
    every_starter_is_imported_and_reads_back
    a_broken_egg_is_refused_with_the_place
    an_egg_comes_as_a_body_or_in_a_form
    hostile_text_stays_text
    an_egg_in_use_is_not_removed
}

async fn raw(person: &Person, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = person
        .request(Method::POST, &format!("/api/v1{path}"))
        .header(header::CONTENT_TYPE, kind)
        .body(body);
    Answer::of(request.send().await.unwrap()).await
}

async fn every_starter_is_imported_and_reads_back(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let starters = admin.get("/eggs/starters").await.expect(200);
    let starters = starters["items"].as_array().unwrap();
    assert!(starters.len() >= 5);
    for starter in starters {
        let key = starter["key"].as_str().unwrap();
        assert!(starter["egg"].is_null() && !starter["licence"].as_str().unwrap().is_empty());
        let made = admin
            .post(&format!("/eggs/starters/{key}"), json!({}))
            .await
            .expect(201);
        let id = made["egg"]["id"].as_str().unwrap();
        let egg = admin.get(&format!("/eggs/{id}")).await.expect(200);
        assert_eq!(egg, made["egg"], "{key}");
        assert_eq!(egg["source"], "starter");
        assert!(!egg["images"].as_array().unwrap().is_empty(), "{key}");
        let export = admin.get(&format!("/eggs/{id}/export")).await;
        assert_eq!(export.headers["x-content-type-options"], "nosniff");
        assert_eq!(export.json()["meta"]["version"], "PTDL_v2");
        let again = raw(&admin, "/eggs/import", "application/json", export.text).await;
        let again = again.expect(201);
        for same in [
            "name",
            "variables",
            "startup_commands",
            "done",
            "stop",
            "install",
        ] {
            assert_eq!(again["egg"][same], egg[same], "{key}: {same}");
        }
    }
    let after = admin.get("/eggs/starters").await.expect(200);
    assert!(after["items"][0]["egg"].is_string());
    assert_eq!(
        admin
            .post("/eggs/starters/none", json!({}))
            .await
            .problem(404),
        "not_found"
    );
    let mut listed = 0;
    let mut cursor = String::new();
    loop {
        let page = admin
            .get(&format!("/eggs?limit=3{cursor}"))
            .await
            .expect(200);
        listed += page["items"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed, 2 * starters.len());
}

async fn a_broken_egg_is_refused_with_the_place(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    for body in [
        "",
        "{",
        "[]",
        "{}",
        "\u{0}",
        "- a\n- b",
        "null",
        "{\"meta\":{\"version\":\"PTDL_v9\"}}",
    ] {
        let answer = raw(&admin, "/eggs/import", "application/json", body).await;
        let problem = answer.json();
        assert_eq!(answer.status, 422, "{body:?}: {problem}");
        assert!(!problem["errors"][0]["message"].as_str().unwrap().is_empty());
        if !body.is_empty() {
            assert_eq!(problem["code"], "egg_refused", "{body:?}");
        }
    }
    let deep = "[".repeat(100_000);
    let deep = raw(&admin, "/eggs/import", "application/json", deep).await;
    assert_eq!(deep.problem(422), "egg_refused");
    let large = vec![b'a'; 5 * 1024 * 1024];
    let large = raw(&admin, "/eggs/import", "application/json", large).await;
    assert_eq!(large.problem(413), "too_large");
    let none = admin.get("/eggs").await.expect(200);
    assert_eq!(none["items"], json!([]), "nothing is half done");
}

fn egg(name: &str) -> Value {
    json!({
        "meta": {"version": "PTDL_v2"},
        "name": name,
        "author": "a@example.net",
        "description": name,
        "docker_images": {name: "registry.example/game:1"},
        "startup": "./run {{GREETING}}",
        "config": {"files": "{}", "startup": "{\"done\":\"up\"}", "logs": "{}", "stop": "stop"},
        "scripts": {"installation": {"script": "#!/bin/sh\ntrue", "container": "alpine:3", "entrypoint": "sh"}},
        "variables": [{"name": name, "description": name, "env_variable": "GREETING",
            "default_value": name, "user_viewable": true, "user_editable": true, "rules": "nullable|string"}],
    })
}

async fn an_egg_comes_as_a_body_or_in_a_form(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let text = egg("One").to_string();
    let form = |files: &[&str]| {
        let mut body = String::new();
        for file in files {
            body += &format!(
                "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"egg.json\"\r\n\r\n{file}\r\n"
            );
        }
        body + "--XX--\r\n"
    };
    let kind = "multipart/form-data; boundary=XX";
    let made = raw(&admin, "/eggs/import", kind, form(&[&text]))
        .await
        .expect(201);
    assert_eq!(made["egg"]["name"], "One");
    assert_eq!(made["report"]["format"], "PTDL_v2");
    let named = raw(&admin, "/eggs/import?name=Two", kind, form(&[&text])).await;
    assert_eq!(named.expect(201)["egg"]["name"], "Two");
    let two = raw(&admin, "/eggs/import", kind, form(&[&text, &text])).await;
    assert_eq!(two.fields(), ["file too_many"]);
    let none = raw(&admin, "/eggs/import", kind, form(&[])).await;
    assert_eq!(none.fields(), ["file required"]);
    let cut = raw(&admin, "/eggs/import", kind, "--XX\r\nnonsense").await;
    assert_eq!(cut.problem(400), "bad_form");
    let yaml = "meta:\n  version: PTDL_v2\nname: Yam\nstartup: ./run\ndocker_images:\n  a: b/c:1\n";
    let yaml = raw(&admin, "/eggs/import", "application/yaml", yaml).await;
    assert_eq!(yaml.expect(201)["egg"]["name"], "Yam");
}

async fn hostile_text_stays_text(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    for text in [
        "<script>alert(1)</script>",
        "'; DROP TABLE users; --",
        "{{config.token}} ${jndi:ldap://x} $(id) `id`",
        "%00%0a%s%n",
        "ünïcödé 🐇 \u{202e}txt.exe",
        "\" onload=\"x",
    ] {
        let body = egg(text).to_string();
        let made = raw(&admin, "/eggs/import", "application/json", body).await;
        let made = made.expect(201);
        assert_eq!(made["egg"]["name"], text);
        assert_eq!(made["egg"]["variables"][0]["default"], text);
        let id = made["egg"]["id"].as_str().unwrap();
        let read = admin.get(&format!("/eggs/{id}")).await;
        assert_eq!(read.headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(read.json()["images"][0]["label"], text);
    }
}

async fn an_egg_in_use_is_not_removed(world: World) {
    let panel = Panel::open(world).await;
    let admin = panel.as_admin().await;
    let node = crate::fake_node::FakeNode::join(&panel.world).await;
    let made = raw(
        &admin,
        "/eggs/import",
        "application/json",
        egg("One").to_string(),
    )
    .await;
    let made = made.expect(201);
    let id = made["egg"]["id"].as_str().unwrap();
    let ask = json!({"name": "s", "egg": id, "node": node.id.to_string(), "limits": {}});
    admin.post("/servers", ask).await.expect(201);
    let path = format!("/eggs/{id}");
    assert_eq!(admin.delete(&path).await.problem(409), "egg_in_use");
    assert_eq!(admin.get(&path).await.expect(200)["servers"], 1);
}
