//! Profiles, pictures and SSH keys.

use std::process::Command;

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::{
    fake_node::FakeNode,
    http_panel::{Answer, PASSWORD, Panel, Person},
    on_both,
    world::World,
};

on_both! {
    a_profile_is_kept_whole_and_bad_fields_are_named
    a_profile_is_seen_by_those_who_have_a_server_in_common
    a_picture_is_made_small_and_anything_else_is_refused
    an_ssh_key_is_kept_as_ssh_keygen_made_it
    what_is_no_good_ssh_key_is_refused_by_name
    ssh_keys_end_with_a_password_that_is_reset
}

async fn a_profile_is_kept_whole_and_bad_fields_are_named(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let first = ann.get("/account/profile").await.expect(200);
    assert_eq!(first["mail"], json!({"log_in": true, "shared": true}));
    assert_eq!(
        (&first["shown"], &first["language"]),
        (&json!(true), &json!(null))
    );
    let said = json!({
        "display_name": "  Ann from the mill ", "bio": "Builds.\nMostly trains.",
        "links": ["https://example.net/ann"], "language": "de", "time_zone": "Europe/Berlin",
        "theme": "contrast", "mail": {"log_in": false, "shared": true}, "shown": false,
    });
    let kept = ann.put("/account/profile", said).await.expect(200);
    assert_eq!(kept["display_name"], "Ann from the mill");
    assert_eq!(ann.get("/account/profile").await.expect(200), kept);
    let session = ann.get("/session").await.expect(200);
    assert_eq!(session["profile"], kept, "a page knows it from the start");
    let bad = json!({
        "display_name": "a\u{0}b", "bio": "x".repeat(1001), "time_zone": "Europe/Nowhere",
        "links": ["javascript:alert(1)", "http://example.net", "https://u:p@example.net", "https://x",
            "https://example.net/ok", "https://example.net/6"],
    });
    let refused = ann.put("/account/profile", bad).await.fields();
    for field in [
        "display_name control_character",
        "bio too_long",
        "time_zone unknown",
        "links out_of_range",
        "links.0 invalid",
        "links.1 invalid",
        "links.2 invalid",
        "links.3 invalid",
    ] {
        assert!(
            refused.iter().any(|one| one == field),
            "{field}: {refused:?}"
        );
    }
    let unknown = ann
        .put("/account/profile", json!({"language": "tlh"}))
        .await;
    assert_eq!(unknown.status, 422);
    let more = ann.put("/account/profile", json!({"admin": true})).await;
    assert_eq!(more.status, 422);
    assert_eq!(ann.get("/account/profile").await.expect(200), kept);
    let root = panel.as_admin().await;
    let log = root.get("/audit?action=account.profile").await.expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    assert_eq!(log["items"][0]["diff"]["theme"]["to"], "contrast");
}

async fn a_profile_is_seen_by_those_who_have_a_server_in_common(world: World) {
    let panel = Panel::open(world).await;
    let node = FakeNode::join(&panel.world).await;
    let [ann, ben, cem, eve] = [
        panel.logged_in("ann", false).await,
        panel.logged_in("ben", false).await,
        panel.logged_in("cem", false).await,
        panel.logged_in("eve", false).await,
    ];
    let server = panel.world.server_of(node.id, ann.id.unwrap()).await;
    let path = format!("/servers/{server}/users");
    for login in ["ben", "cem"] {
        let share = json!({"login": login, "keys": ["control.start"]});
        ann.post(&path, share).await.expect(201);
    }
    for person in [&ann, &ben] {
        let said = json!({"display_name": "Called", "bio": "text"});
        person.put("/account/profile", said).await.expect(200);
    }
    let of = |person: &Person| format!("/users/{}/profile", person.id.unwrap());
    // Owner and guest, guest and owner, guest and guest; and whoever sees people.
    for (who, whom) in [(&ann, &ben), (&ben, &ann), (&cem, &ben), (&ann, &ann)] {
        let seen = who.get(&of(whom)).await.expect(200);
        assert_eq!(
            (&seen["display_name"], &seen["bio"]),
            (&json!("Called"), &json!("text"))
        );
        assert!(seen.get("email").is_none());
    }
    let root = panel.as_admin().await;
    root.get(&of(&ann)).await.expect(200);
    for (who, whom) in [(&eve, &ann), (&ann, &eve), (&eve, &ben)] {
        who.get(&of(whom)).await.expect(404);
    }
    let hidden = json!({"display_name": "Called", "shown": false});
    ann.put("/account/profile", hidden).await.expect(200);
    let seen = ben.get(&of(&ann)).await.expect(200);
    assert_eq!(
        (&seen["username"], &seen["display_name"]),
        (&json!("ann"), &json!(""))
    );
    ann.delete(&format!("{path}/{}", ben.id.unwrap()))
        .await
        .expect(204);
    ben.get(&of(&ann)).await.expect(404);
}

fn png(side: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(side, side)
        .write_to(&mut out, image::ImageFormat::Png)
        .unwrap();
    out.into_inner()
}

async fn picture(person: &Person, bytes: Vec<u8>) -> Answer {
    let request = person.request(Method::PUT, "/api/v1/account/avatar");
    let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
    Answer::of(request.body(bytes).send().await.unwrap()).await
}

async fn a_picture_is_made_small_and_anything_else_is_refused(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let eve = panel.logged_in("eve", false).await;
    let made = picture(&ann, png(900)).await.expect(200);
    let path = made["avatar"].as_str().unwrap().to_owned();
    let response = ann.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "image/webp");
    assert_eq!(
        response.headers()[header::X_CONTENT_TYPE_OPTIONS],
        "nosniff"
    );
    let bytes = response.bytes().await.unwrap();
    let read = image::load_from_memory(&bytes).unwrap();
    assert_eq!((read.width(), read.height()), (256, 256));
    let elsewhere = eve.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(elsewhere.status(), 404);
    assert_eq!(
        panel
            .nobody()
            .get(path.trim_start_matches("/api/v1"))
            .await
            .status,
        401
    );
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for bytes in [svg, Vec::new(), png(300)[..200].to_vec(), png(8200)] {
        let refused = picture(&ann, bytes).await;
        assert_eq!(refused.problem(422), "bad_image");
    }
    assert_eq!(picture(&ann, vec![0; 3 * 1024 * 1024]).await.status, 413);
    let still = ann.get("/account/profile").await.expect(200);
    assert_eq!(still["avatar"], json!(path));
    ann.delete("/account/avatar").await.expect(204);
    ann.delete("/account/avatar").await.expect(404);
    let gone = ann.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(gone.status(), 404);
}

/// What `ssh-keygen` makes: the public line, and its fingerprint as it shows it.
fn keygen(kind: &[&str], comment: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    let run = |command: &mut Command| {
        let out = command.output().unwrap();
        assert!(out.status.success(), "{out:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    run(Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", comment])
        .args(kind)
        .arg("-f")
        .arg(&file));
    let public = file.with_extension("pub");
    let shown = run(Command::new("ssh-keygen").arg("-lf").arg(&public));
    let print = shown.split(' ').nth(1).unwrap().to_owned();
    (std::fs::read_to_string(public).unwrap(), print)
}

async fn add(person: &Person, line: &str, more: Value) -> Answer {
    let mut body = json!({"public_key": line, "current_password": PASSWORD});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    person.post("/account/ssh-keys", body).await
}

async fn an_ssh_key_is_kept_as_ssh_keygen_made_it(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let ben = panel.logged_in("ben", false).await;
    let kinds: [(&[&str], &str); 3] = [
        (&["-t", "ed25519"], "ssh-ed25519"),
        (&["-t", "ecdsa", "-b", "384"], "ecdsa-sha2-nistp384"),
        (&["-t", "rsa", "-b", "2048"], "ssh-rsa"),
    ];
    let mut last = (String::new(), String::new());
    for (kind, algorithm) in kinds {
        let (line, print) = keygen(kind, "ann@laptop");
        let made = add(&ann, &line, json!({})).await.expect(201);
        assert_eq!(
            (&made["name"], &made["algorithm"], &made["fingerprint"]),
            (&json!("ann@laptop"), &json!(algorithm), &json!(print))
        );
        let bare: Vec<&str> = line.split(' ').take(2).collect();
        assert_eq!(made["public_key"], bare.join(" "));
        last = (line, made["id"].as_str().unwrap().to_owned());
    }
    let (line, id) = last;
    let again = add(&ann, &line, json!({"name": "other"})).await;
    assert_eq!(again.problem(409), "ssh_key_exists");
    add(&ben, &line, json!({"name": "same machine"}))
        .await
        .expect(201);
    let path = format!("/account/ssh-keys/{id}");
    ben.patch(&path, json!({"name": "mine"})).await.expect(404);
    ben.delete(&path).await.expect(404);
    let named = ann
        .patch(&path, json!({"name": "Old laptop"}))
        .await
        .expect(200);
    assert_eq!(named["name"], "Old laptop");
    ann.delete(&path).await.expect(204);
    ann.delete(&path).await.expect(404);
    let left = ann.get("/account/ssh-keys").await.expect(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 2);
    let root = panel.as_admin().await;
    let log = root
        .get("/audit?action=account.ssh_key.create")
        .await
        .expect(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 4);
    let mut robot = panel.nobody();
    let key = ann
        .post("/account/api-keys", json!({"name": "k"}))
        .await
        .expect(201);
    robot.key = key["secret"].as_str().map(str::to_owned);
    assert_eq!(
        add(&robot, &line, json!({})).await.problem(403),
        "session_needed"
    );
}

async fn what_is_no_good_ssh_key_is_refused_by_name(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let (line, _) = keygen(&["-t", "ed25519"], "");
    let (short, _) = keygen(&["-t", "rsa", "-b", "1024"], "");
    let cut = line.trim()[..line.trim().len() - 12].to_owned();
    let long = format!("{} {}", line.trim(), "x".repeat(9000));
    let two = format!("{line}{line}");
    let rows = [
        ("", "public_key required"),
        ("hello", "public_key invalid"),
        (&cut, "public_key invalid"),
        (&long, "public_key too_long"),
        (&two, "public_key invalid"),
        (&short, "public_key weak"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=",
            "public_key private_key",
        ),
        (
            "PuTTY-User-Key-File-3: ssh-ed25519",
            "public_key private_key",
        ),
        (
            "ssh-ed25519-cert-v01@openssh.com AAAA",
            "public_key unsupported",
        ),
    ];
    for (text, refused) in rows {
        assert_eq!(
            add(&ann, text, json!({"name": "k"})).await.fields(),
            [refused]
        );
    }
    let wrong = json!({"public_key": line, "name": "k", "current_password": "not it"});
    let refused = ann.post("/account/ssh-keys", wrong).await.fields();
    assert_eq!(refused, ["current_password wrong"]);
    let kept = ann.get("/account/ssh-keys").await.expect(200);
    assert_eq!(kept["items"], json!([]));
    // What lies behind the key says nothing that a page or a log could be steered with.
    let named = format!("{} <b>\u{1b}[31mann", line.trim());
    let made = add(&ann, &named, json!({})).await;
    assert!(made.status == 201 || made.status == 422, "{}", made.status);
}

async fn ssh_keys_end_with_a_password_that_is_reset(world: World) {
    let panel = Panel::open(world).await;
    let ann = panel.logged_in("ann", false).await;
    let (line, _) = keygen(&["-t", "ed25519"], "k");
    add(&ann, &line, json!({})).await.expect(201);
    let root = panel.as_admin().await;
    let path = format!("/users/{}/password", ann.id.unwrap());
    let made = root.post(&path, json!({})).await.expect(201);
    let mut again = panel.nobody();
    let first = made["password"].as_str().unwrap();
    again.log_in("ann", first).await.expect(200);
    let change = json!({"current_password": first, "new_password": "another phrase 7"});
    again.put("/account/password", change).await.expect(204);
    let left = again.get("/account/ssh-keys").await.expect(200);
    assert_eq!(left["items"], json!([]));
}
