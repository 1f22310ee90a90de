//! What a database host may be set to.

use std::net::IpAddr;

use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::dto::{DatabaseHostCreate, DatabaseHostUpdate, Tls};
use crate::error::Fields;

/// Nodes or locations that one host is for.
const MOST_PLACES: usize = 100;
/// More than any host holds.
const MOST_DATABASES: u32 = 1_000_000;
/// More than any host takes.
const MOST_CONNECTIONS: u32 = 100_000;
const MOST_PEM: usize = 64 * 1024;

impl From<&DatabaseHostCreate> for DatabaseHostUpdate {
    fn from(req: &DatabaseHostCreate) -> Self {
        let req = req.clone();
        Self {
            name: req.name,
            address: req.address,
            port: req.port,
            public_address: req.public_address,
            public_port: req.public_port,
            username: req.username,
            password: Some(req.password),
            tls: req.tls,
            ca_pem: req.ca_pem,
            most_databases: req.most_databases,
            most_connections: req.most_connections,
            nodes: req.nodes,
            locations: req.locations,
        }
    }
}

/// Says what is wrong with it, if anything, and gives it with its texts as they are kept.
pub fn check(fields: &mut Fields, mut req: DatabaseHostUpdate) -> DatabaseHostUpdate {
    req.name = fields.line("name", &req.name, 64);
    req.address = address(fields, "address", &req.address);
    port(fields, "port", req.port);
    req.public_address = req
        .public_address
        .map(|text| address(fields, "public_address", &text));
    if let Some(number) = req.public_port {
        port(fields, "public_port", number);
    }
    req.username = fields.line("username", &req.username, 128);
    if let Some(password) = &req.password {
        fields.check(
            !password.is_empty(),
            "password",
            "required",
            "must not be empty",
        );
        let long = password.chars().count() > 1024;
        let text = "has at most 1024 characters";
        fields.check(!long, "password", "too_long", text);
        let plain = !password.chars().any(char::is_control);
        let text = "must hold no control characters";
        fields.check(plain, "password", "control_character", text);
    }
    req.ca_pem = req
        .ca_pem
        .map(|pem| pem.trim().to_owned())
        .filter(|pem| !pem.is_empty());
    if let Some(pem) = &req.ca_pem {
        certificates(fields, pem, req.tls);
    }
    for (field, number, most) in [
        ("most_databases", req.most_databases, MOST_DATABASES),
        ("most_connections", req.most_connections, MOST_CONNECTIONS),
    ] {
        let least = u32::from(field == "most_connections");
        let fits = number.is_none_or(|n| (least..=most).contains(&n));
        let text = format!("is between {least} and {most}; leave it out for no limit");
        fields.check(fits, field, "out_of_range", text);
    }
    for (field, count) in [
        ("nodes", req.nodes.len()),
        ("locations", req.locations.len()),
    ] {
        let text = format!("names at most {MOST_PLACES}; leave it empty for all");
        fields.check(count <= MOST_PLACES, field, "too_many", text);
    }
    req.nodes.sort_unstable();
    req.nodes.dedup();
    req.locations.sort_unstable();
    req.locations.dedup();
    req
}

fn port(fields: &mut Fields, field: &str, number: u16) {
    let text = "is between 1 and 65535";
    fields.check(number > 0, field, "out_of_range", text);
}

/// A name of DNS or an IP address, and nothing that a driver would take for a file.
fn address(fields: &mut Fields, field: &str, text: &str) -> String {
    let text = text.trim().to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let name = text.len() <= 253 && text.trim_end_matches('.').split('.').all(label);
    let good = text.parse::<IpAddr>().is_ok() || name;
    let hint = "must be a host name or an IP address without port: db.example.net, 10.0.0.5";
    fields.check(good, field, "invalid", hint);
    text
}

fn certificates(fields: &mut Fields, pem: &str, tls: Tls) {
    if pem.len() > MOST_PEM {
        let text = format!("has at most {MOST_PEM} bytes");
        return fields.refuse("ca_pem", "too_long", text);
    }
    if tls != Tls::Verify {
        let text =
            "counts only where certificates are verified: leave it out, or set `tls` to verify";
        return fields.refuse("ca_pem", "conflict", text);
    }
    let read: Result<Vec<CertificateDer<'_>>, _> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let good = read.is_ok_and(|all| {
        !all.is_empty()
            && all
                .iter()
                .all(|der| x509_parser::parse_x509_certificate(der).is_ok())
    });
    let text = "holds no certificates in PEM: -----BEGIN CERTIFICATE-----";
    fields.check(good, "ca_pem", "invalid", text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_a_machine_and_nowhere_else() {
        for good in ["db.example.net", "10.0.0.5", "fd00::5", "localhost", "a_b"] {
            let mut fields = Fields::new();
            assert_eq!(address(&mut fields, "address", good), good);
            assert!(fields.is_good(), "{good}");
        }
        for bad in [
            "",
            "/var/run/postgresql",
            "@socket",
            "http://db",
            "db:3306",
            "a b",
            "[fd00::5]",
            "db/x",
            "a..b",
            "-a",
            "db\0",
            "ü.de",
            "root@db",
        ] {
            let mut fields = Fields::new();
            address(&mut fields, "address", bad);
            assert!(!fields.is_good(), "{bad}");
        }
    }
}
