//! The certificate authority of a server that listens, its server certificate and the administrator's token.
//!
//! They are made once and kept in the data directory, if there is one, so that a kubeconfig stays good.

use std::net::IpAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a listening server is trusted by.
#[derive(Debug, Clone)]
pub(crate) struct Authority {
    /// The authority's certificate, in PEM.
    pub certificate: String,
    key: String,
    /// The administrator's bearer token.
    pub token: String,
    /// The key that signs tokens of service accounts, in PKCS#8.
    pub token_key: Vec<u8>,
}

impl Authority {
    /// The authority of a data directory, made if there is none; without a directory, a new one.
    pub fn open(directory: Option<&Path>) -> Result<Self, String> {
        let Some(directory) = directory.map(|directory| directory.join("pki")) else { return Self::new() };
        let files = ["ca.crt", "ca.key", "token", "tokens.key"].map(|name| directory.join(name));
        let read = |path: &Path| std::fs::read(path);
        if let (Ok(certificate), Ok(key), Ok(token), Ok(token_key)) =
            (read(&files[0]), read(&files[1]), read(&files[2]), read(&files[3]))
        {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|error| error.to_string());
            return Ok(Self {
                certificate: text(certificate)?,
                key: text(key)?,
                token: text(token)?,
                token_key,
            });
        }
        let authority = Self::new()?;
        let contents: [&[u8]; 4] = [
            authority.certificate.as_bytes(),
            authority.key.as_bytes(),
            authority.token.as_bytes(),
            &authority.token_key,
        ];
        std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        for (path, content) in files.iter().zip(contents) {
            write_private(path, content).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(authority)
    }

    fn new() -> Result<Self, String> {
        let text = |error: rcgen::Error| error.to_string();
        let key = KeyPair::generate().map_err(text)?;
        let certificate = authority_params().self_signed(&key).map_err(text)?;
        // A key that nobody can guess is also a secret that nobody can guess.
        let secret = KeyPair::generate_for(&PKCS_ED25519).map_err(text)?.serialize_der();
        let token_key = KeyPair::generate_for(&PKCS_ED25519).map_err(text)?.serialize_der();
        let tail = secret.get(16..48).unwrap_or(&secret);
        Ok(Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            token: URL_SAFE_NO_PAD.encode(tail),
            token_key,
        })
    }

    /// A certificate for a server at this address, and its key.
    pub fn server_certificate(
        &self,
        address: IpAddr,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let text = |error: rcgen::Error| error.to_string();
        let authority_key = KeyPair::from_pem(&self.key).map_err(text)?;
        // The subject, the key and what is derived from them are all that a signature takes from the authority.
        let issuer = Issuer::new(authority_params(), authority_key);
        let names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ];
        let mut params = CertificateParams::new(names.map(str::to_owned).to_vec()).map_err(text)?;
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::from([127, 0, 0, 1])));
        if address != IpAddr::from([127, 0, 0, 1]) {
            params.subject_alt_names.push(SanType::IpAddress(address));
        }
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params);
        let key = KeyPair::generate().map_err(text)?;
        let certificate = params.signed_by(&key, &issuer).map_err(text)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((vec![certificate.der().clone()], key))
    }
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "supercargo");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    set_validity(&mut params);
    params
}

/// Certificates are good whatever the cluster's clock shows, which may be years from that of its clients.
fn set_validity(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content)
}
