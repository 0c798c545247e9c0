//! The file with which kubectl finds a server and is let in.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The name of cluster, context and user.
const NAME: &str = "supercargo";

/// A kubeconfig for a server at this address.
pub(super) fn kubeconfig(address: SocketAddr, certificate: &str, token: &str) -> String {
    let certificate = STANDARD.encode(certificate);
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: {NAME}\n\
         \x20 cluster:\n\
         \x20   server: https://{address}\n\
         \x20   certificate-authority-data: {certificate}\n\
         users:\n\
         - name: {NAME}\n\
         \x20 user:\n\
         \x20   token: {token}\n\
         contexts:\n\
         - name: {NAME}\n\
         \x20 context:\n\
         \x20   cluster: {NAME}\n\
         \x20   user: {NAME}\n\
         current-context: {NAME}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::kubeconfig;

    #[test]
    fn it_is_yaml_that_names_server_authority_and_token() {
        let text = kubeconfig("127.0.0.1:6443".parse().unwrap(), "PEM", "secret");
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(value["clusters"][0]["cluster"]["server"], "https://127.0.0.1:6443");
        assert_eq!(value["clusters"][0]["cluster"]["certificate-authority-data"], "UEVN");
        assert_eq!(value["users"][0]["user"]["token"], "secret");
        assert_eq!(value["current-context"], "supercargo");
    }
}
