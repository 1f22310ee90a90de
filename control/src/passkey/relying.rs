//! What a browser is told of us. A passkey is bound to the name under which the panel was opened; which names those may be,
//! the door decides (`Hosts`), so the name is taken from the request.

use std::net::IpAddr;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{CreationChallengeResponse, RequestChallengeResponse, Url, Uuid},
};

use crate::{
    auth::{Peer, origin},
    error::{Error, Result},
};
use warren_proto::ids::UserId;

/// As browsers show it.
const NAME: &str = "Warren";

/// Us, as a browser at that address knows us.
pub(super) struct Relying {
    pub library: Webauthn,
    /// Name without port: passkeys are good under it alone.
    pub host: String,
}

impl Relying {
    /// # Errors
    /// 409 `passkey_needs_name` where the panel was opened by an address: browsers bind passkeys to names.
    pub fn at(peer: &Peer) -> Result<Self> {
        let no_name = || {
            Error::conflict(
                "passkey_needs_name",
                "passkeys are bound to a name: open the panel by its domain name (or as localhost), not by an address",
            )
        };
        let host = origin::name(&peer.host);
        if host.parse::<IpAddr>().is_ok() {
            return Err(no_name());
        }
        let address = format!("{}://{}", peer.scheme.as_str(), peer.host);
        let address = Url::parse(&address).map_err(|_| no_name())?;
        let library = WebauthnBuilder::new(&host, &address)
            .and_then(|builder| builder.rp_name(NAME).build())
            .map_err(|_| no_name())?;
        Ok(Self { library, host })
    }
}

/// Who somebody is to their devices.
pub(super) fn handle(user: UserId) -> Uuid {
    Uuid::from_u128(user.bits())
}

/// What a browser needs to make a passkey that it finds again without a name being typed.
pub(super) fn creation(challenge: &CreationChallengeResponse) -> Result<Value> {
    let mut options = text(&challenge.public_key)?;
    // The library leaves it to the device; one that is not found without a name could never log in here.
    let choice = &mut options["authenticatorSelection"];
    choice["residentKey"] = json!("required");
    choice["requireResidentKey"] = json!(true);
    Ok(options)
}

/// What a browser needs to find a passkey.
pub(super) fn request(challenge: &RequestChallengeResponse) -> Result<Value> {
    text(&challenge.public_key)
}

fn text(options: &impl Serialize) -> Result<Value> {
    serde_json::to_value(options).map_err(Error::internal)
}

/// What a browser answered.
/// # Errors
/// 422 for what is none.
pub(super) fn credential<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| {
        let text = format!("is not what a browser's passkey gives: {error}");
        Error::field("credential", "invalid", text)
    })
}
