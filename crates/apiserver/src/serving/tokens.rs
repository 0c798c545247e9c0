//! Tokens of service accounts: JSON web tokens, signed with Ed25519.
//!
//! In process the key comes from the seed, so that everything repeats. A server that listens on a socket takes a key that
//! nobody can guess.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use supercargo_clock::Randomness;

/// What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410).
const KEY_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Signs tokens, and knows its own again.
pub(crate) struct TokenSigner {
    key: KeyPair,
}

impl TokenSigner {
    /// A signer whose key comes from a seed.
    pub fn from_seed(seed: u64) -> Result<Self, String> {
        let mut der = KEY_PREFIX.to_vec();
        let mut secret = [0; 32];
        Randomness::from_seed(seed).fork("service account tokens").fill(&mut secret);
        der.extend_from_slice(&secret);
        Self::from_der(der)
    }

    /// A signer with a key of its own.
    pub fn from_der(der: Vec<u8>) -> Result<Self, String> {
        let der = PrivatePkcs8KeyDer::from(der);
        let key =
            KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519).map_err(|error| error.to_string())?;
        Ok(Self { key })
    }

    /// The token with these claims.
    pub fn sign(&self, claims: &Value) -> Result<String, String> {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "EdDSA", "typ": "JWT" }).to_string());
        let body = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.key.sign(body.as_bytes()).map_err(|error| error.to_string())?;
        Ok(format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token that this signer has signed.
    pub fn verify(&self, token: &str) -> Option<Value> {
        let (body, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // Signatures of this kind depend on nothing but key and message, so the right one can be made again.
        if self.key.sign(body.as_bytes()).ok()? != signature {
            return None;
        }
        let (_, claims) = body.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signer_knows_its_own_tokens_and_no_others() {
        let (one, two) = (TokenSigner::from_seed(1).unwrap(), TokenSigner::from_seed(2).unwrap());
        let claims = json!({"sub": "x"});
        let token = one.sign(&claims).unwrap();
        assert_eq!(one.verify(&token), Some(claims.clone()));
        assert_eq!(two.verify(&token), None);
        assert_eq!(one.verify(&token[..token.len() - 2]), None);
        assert_eq!(one.verify("a.b.c"), None);
        assert_eq!(TokenSigner::from_seed(1).unwrap().sign(&claims).unwrap(), token);
    }
}
