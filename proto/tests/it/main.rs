//! The bus against real nats-servers.
