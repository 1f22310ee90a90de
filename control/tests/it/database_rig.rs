//! Database servers as Debian has them, reached by way of a gate that can be shut, or that breaks off in the middle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use warren_harness::{MariaDb, Postgres, Tag, eventually_async};

use crate::{
    http_panel::{Answer, Person},
    http_servers::Scene,
    world::{SOON, World},
};

/// What a gate does with what comes from control.
#[derive(Default)]
pub struct Rules {
    /// Pieces that are let through; then connections break. Below zero: all are.
    left: AtomicI64,
    /// The piece that breaks it goes through, and its answer does not come back.
    after: AtomicI64,
    /// Once none is left, connections hang instead of breaking.
    hang: AtomicI64,
}

/// A door in front of a database server.
pub struct Gate {
    pub port: u16,
    rules: Arc<Rules>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gate {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rules = Arc::new(Rules::default());
        rules.left.store(-1, Ordering::SeqCst);
        let at = listener.local_addr().unwrap().port();
        let shared = rules.clone();
        let task = tokio::spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                tokio::spawn(pass(inside, port, shared.clone()));
            }
        });
        Self {
            port: at,
            rules,
            task,
        }
    }

    /// Nothing comes through any more.
    pub fn shut(&self) {
        self.break_at(0, false);
    }

    /// All comes through.
    pub fn open(&self) {
        self.rules.left.store(-1, Ordering::SeqCst);
    }

    /// Lets so many pieces through and breaks off; with `after`, behind the next piece.
    pub fn break_at(&self, pieces: i64, after: bool) {
        self.rules.after.store(i64::from(after), Ordering::SeqCst);
        self.rules.left.store(pieces, Ordering::SeqCst);
    }

    /// Lets so many pieces through; the answer to the last one does not come back, and nobody is told.
    pub fn hold_at(&self, pieces: i64) {
        self.rules.hang.store(1, Ordering::SeqCst);
        self.break_at(pieces, true);
    }

    /// Whether somebody waits for such an answer.
    pub fn holds(&self) -> bool {
        self.rules.hang.load(Ordering::SeqCst) == 2
    }
}

async fn pass(mut inside: TcpStream, port: u16, rules: Arc<Rules>) {
    if rules.left.load(Ordering::SeqCst) == 0 {
        return;
    }
    let Ok(mut outside) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let (mut there, mut back) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = inside.read(&mut there) => {
                let Ok(len @ 1..) = read else { return };
                let left = rules.left.load(Ordering::SeqCst);
                if left == 0 {
                    return;
                }
                if left > 0 {
                    rules.left.store(left - 1, Ordering::SeqCst);
                }
                let last = left == 1;
                if last && rules.after.load(Ordering::SeqCst) == 0 {
                    return;
                }
                if outside.write_all(&there[..len]).await.is_err() {
                    return;
                }
                if last {
                    // It is done there, and nobody hears of it.
                    let _ = outside.read(&mut back).await;
                    if rules.hang.load(Ordering::SeqCst) == 1 {
                        rules.hang.store(2, Ordering::SeqCst);
                        // Until the other end dies.
                        let _ = inside.read(&mut there).await;
                    }
                    return;
                }
            }
            read = outside.read(&mut back) => {
                let Ok(len @ 1..) = read else { return };
                if inside.write_all(&back[..len]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// One of the engines that there are.
pub enum Server {
    Maria(MariaDb),
    /// With the name, which is the password too, of an account that may make databases and roles and nothing else.
    Postgres(Postgres, String),
}

impl Server {
    pub fn maria() -> Self {
        Self::Maria(MariaDb::start().unwrap())
    }

    pub fn postgres() -> Self {
        let server = Postgres::start().unwrap();
        let admin = format!("admin_{}", Tag::random());
        server
            .sql(&format!(
                "CREATE ROLE {admin} LOGIN CREATEDB CREATEROLE PASSWORD '{admin}'"
            ))
            .unwrap();
        Self::Postgres(server, admin)
    }

    pub fn engine(&self) -> &'static str {
        match self {
            Self::Maria(_) => "mariadb",
            Self::Postgres(..) => "postgresql",
        }
    }

    pub fn port(&self) -> u16 {
        match self {
            Self::Maria(server) => server.port(),
            Self::Postgres(server, _) => server.port(),
        }
    }

    pub fn admin(&self) -> &str {
        match self {
            Self::Maria(server) => server.admin(),
            Self::Postgres(_, admin) => admin,
        }
    }

    /// What clients of Debian's say, by the connection that the panel gives out.
    pub fn sql(&self, connection: &Value, statement: &str) -> anyhow::Result<String> {
        self.sql_in(connection, text(connection, "database"), statement)
    }

    /// The same, in another database.
    pub fn sql_in(
        &self,
        connection: &Value,
        database: &str,
        statement: &str,
    ) -> anyhow::Result<String> {
        let (user, password) = (text(connection, "username"), text(connection, "password"));
        match self {
            Self::Maria(server) => server.sql_as(user, password, database, statement),
            Self::Postgres(server, _) => {
                let url = text(connection, "url").replace(text(connection, "database"), database);
                server.sql_at(&url, statement)
            }
        }
    }

    /// Whether the server knows this database, and this account.
    pub fn knows(&self, database: &str, account: &str) -> (bool, bool) {
        let count = |of: &str, name: &str| match self {
            Self::Maria(server) => {
                let (table, column) = match of {
                    "database" => ("information_schema.schemata", "schema_name"),
                    _ => ("mysql.user", "user"),
                };
                let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} = '{name}'");
                server.sql(&sql).unwrap()
            }
            Self::Postgres(server, _) => {
                let (table, column) = match of {
                    "database" => ("pg_database", "datname"),
                    _ => ("pg_roles", "rolname"),
                };
                let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} = '{name}'");
                server.sql(&sql).unwrap()
            }
        };
        (
            count("database", database).trim() != "0",
            count("account", account).trim() != "0",
        )
    }

    /// As an admin of the panel would make it known.
    pub fn wish(&self, port: u16) -> Value {
        json!({
            "name": format!("{} {port}", self.engine()),
            "engine": self.engine(),
            "address": "127.0.0.1",
            "port": port,
            "username": self.admin(),
            "password": self.admin(),
            "tls": "off",
        })
    }
}

/// A word of an answer.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: {value}"))
}

/// A panel with one server and one database host behind a gate.
pub struct Rig {
    pub scene: Scene,
    pub server: Server,
    pub gate: Gate,
    /// Path of the game server.
    pub path: String,
    /// Path of the database host.
    pub host: String,
}

impl Rig {
    pub async fn set(world: World, server: Server) -> Self {
        let scene = Scene::set(world).await;
        let gate = Gate::to(server.port()).await;
        let made = scene
            .admin
            .post("/database-hosts", server.wish(gate.port))
            .await
            .expect(201);
        let host = format!("/database-hosts/{}", text(&made, "id"));
        let path = game(&scene, "game", json!(5)).await;
        Self {
            scene,
            server,
            gate,
            path,
            host,
        }
    }

    pub fn admin(&self) -> &Person {
        &self.scene.admin
    }

    pub async fn made(&self, wish: Value) -> Value {
        let path = format!("{}/databases", self.path);
        self.admin().post(&path, wish).await.expect(201)
    }

    pub fn at(&self, database: &Value) -> String {
        format!("{}/databases/{}", self.path, text(database, "id"))
    }

    pub async fn connection(&self, database: &Value) -> Value {
        let path = format!("{}/connection", self.at(database));
        self.admin().get(&path).await.expect(200)
    }

    pub async fn drop(&self, database: &Value) -> Answer {
        let path = format!("{}?name={}", self.at(database), text(database, "name"));
        self.admin().delete(&path).await
    }

    /// The row, or null.
    pub async fn shown(&self, database: &Value) -> Value {
        let path = format!("{}/databases", self.path);
        let list = self.admin().get(&path).await.expect(200);
        let mut rows = list["items"].as_array().unwrap().iter();
        let row = rows.find(|row| row["id"] == database["id"]);
        row.cloned().unwrap_or(Value::Null)
    }

    /// Waits until the row is as asked.
    pub async fn until(&self, database: &Value, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually_async(what, SOON, || async {
            Some(self.shown(database).await).filter(|row| is(row))
        })
        .await
        .unwrap()
    }

    pub async fn ready(&self, database: &Value) -> Value {
        self.until(database, "a database to be ready", |row| {
            row["state"] == "ready"
        })
        .await
    }

    pub async fn gone(&self, database: &Value) {
        self.until(database, "a database to be gone", Value::is_null)
            .await;
    }

    /// A look at the host, after which all that waits for it is due.
    pub async fn test(&self) -> Value {
        let path = format!("{}/test", self.host);
        self.admin().post(&path, json!({})).await.expect(200)
    }
}

/// A game server with so many databases at most.
pub async fn game(scene: &Scene, name: &str, databases: Value) -> String {
    let mut wish = scene.wish(name);
    wish["limits"]["databases"] = databases;
    let made = scene.admin.post("/servers", wish).await.expect(201);
    format!("/servers/{}", text(&made["server"], "id"))
}

/// Longer than anything here takes, and short enough to notice.
pub const LONG: Duration = Duration::from_secs(60);
