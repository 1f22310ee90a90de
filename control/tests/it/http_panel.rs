//! The HTTP side of a world, and people who talk to it.

use std::net::SocketAddr;

use reqwest::{Method, Response, StatusCode, header};
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use warren_control::{app::App, auth::Passwords, config::Config, db::Lane, http};
use warren_entity::users;
use warren_proto::ids::UserId;

use crate::world::World;

pub const PASSWORD: &str = "correct horse battery";

/// A panel that listens on a free port.
pub struct Panel {
    pub world: World,
    pub address: SocketAddr,
    /// Of the other controls on the same database.
    pub others: Vec<SocketAddr>,
    stop: CancellationToken,
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Somebody with or without a credential.
#[derive(Clone)]
pub struct Person {
    pub id: Option<UserId>,
    pub address: SocketAddr,
    client: reqwest::Client,
    pub cookie: Option<String>,
    pub key: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The body, if the status is as expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// A problem's code, if the status is as expected.
    #[track_caller]
    pub fn problem(self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(
            problem["request_id"].as_str().unwrap(),
            self.headers["x-request-id"].to_str().unwrap()
        );
        problem["code"].as_str().unwrap().to_owned()
    }

    /// `field code` of each refused field.
    #[track_caller]
    pub fn fields(self) -> Vec<String> {
        assert_eq!(self.status.as_u16(), 422, "{}", self.text);
        self.json()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| {
                let word = |name: &str| e[name].as_str().unwrap().to_owned();
                assert!(!word("message").is_empty());
                format!("{} {}", word("field"), word("code"))
            })
            .collect()
    }
}

/// The world under another configuration.
pub fn with(mut world: World, change: impl FnOnce(&mut Config)) -> World {
    world.app = world.app.reconfigured(change);
    world
}

async fn listen(app: &App, stop: &CancellationToken) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = http::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move {
        axum::serve(listener, service)
            .with_graceful_shutdown(stopped)
            .await
            .unwrap();
    });
    address
}

impl Panel {
    pub async fn open(world: World) -> Self {
        let stop = CancellationToken::new();
        let address = listen(&world.app, &stop).await;
        let mut others = Vec::new();
        for app in &world.others {
            others.push(listen(app, &stop).await);
        }
        Self {
            world,
            address,
            others,
            stop,
        }
    }

    pub fn nobody(&self) -> Person {
        self.with_browser("")
    }

    /// Somebody who is not logged in, with a browser that says it is this.
    pub fn with_browser(&self, user_agent: &str) -> Person {
        // As main does; the client has no provider of its own.
        drop(rustls::crypto::ring::default_provider().install_default());
        Person {
            id: None,
            address: self.address,
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_gzip()
                .user_agent(user_agent)
                .build()
                .unwrap(),
            cookie: None,
            key: None,
        }
    }

    /// The same person at another control.
    pub fn elsewhere(&self, person: &Person) -> Person {
        Person {
            id: person.id,
            address: self.others[0],
            cookie: person.cookie.clone(),
            key: person.key.clone(),
            ..self.nobody()
        }
    }

    /// A row of its own, without a log-in.
    pub async fn account(&self, name: &str, admin: bool, must_change: bool) -> UserId {
        let id = UserId::new();
        let row = users::ActiveModel {
            id: Set(id.to_string()),
            username: Set(name.into()),
            username_folded: Set(name.to_lowercase()),
            email: Set(format!("{name}@example.net")),
            email_folded: Set(format!("{name}@example.net").to_lowercase()),
            password_hash: Set(Passwords::default().hash(PASSWORD).await.unwrap()),
            admin: Set(admin),
            must_change_password: Set(must_change),
            email_verified: Set(false),
            second_factor: Set(false),
            granted: Set(false),
            shared: Set(false),
            suspended_at_ms: Set(None),
            suspended_reason: Set(None),
            created_at_ms: Set(0),
            updated_at_ms: Set(0),
            deleted_at_ms: Set(None),
        };
        let tx = self.world.app.db.begin(Lane::People).await.unwrap();
        users::Entity::insert(row)
            .exec_without_returning(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub async fn logged_in(&self, name: &str, admin: bool) -> Person {
        let id = self.account(name, admin, false).await;
        let mut person = self.nobody();
        person.log_in(name, PASSWORD).await.expect(200);
        person.id = Some(id);
        person
    }

    pub async fn as_admin(&self) -> Person {
        self.logged_in("root", true).await
    }
}

impl Person {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut request = self.client.request(method, self.url(path));
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, format!("warren={cookie}"));
        }
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        request
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, &format!("/api/v1{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn log_in(&mut self, login: &str, password: &str) -> Answer {
        self.log_in_with(json!({"login": login, "password": password}))
            .await
    }

    pub async fn log_in_with(&mut self, body: Value) -> Answer {
        let answer = self.post("/session", body).await;
        if let Some(line) = answer.headers.get(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(
                line.contains("HttpOnly") && line.contains("SameSite=Lax"),
                "{line}"
            );
            let (name, rest) = line.split_once('=').unwrap();
            assert_eq!(name, "warren", "over plain http");
            self.cookie = rest.split(';').next().map(str::to_owned);
        }
        answer
    }
}
