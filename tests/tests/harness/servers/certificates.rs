//! Certificates of a server on this machine, signed by an authority of its own.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// The file of the authority's certificate.
pub const CA: &str = "ca.pem";
/// The file of the server's certificate.
pub const CERTIFICATE: &str = "server.pem";
/// The file of the server's key.
pub const KEY: &str = "server.key";

/// Writes them into a folder.
pub fn write(folder: &Path) {
    let ca_key = KeyPair::generate().expect("there is randomness");
    let mut ca = CertificateParams::new(Vec::new()).expect("no name is no bad name");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("the parameters are good");
    let key = KeyPair::generate().expect("there is randomness");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let server = CertificateParams::new(names).expect("the names are good");
    let certificate = server.signed_by(&key, &Issuer::new(ca, ca_key)).expect("the parameters are good");
    let files = [(CA, ca_certificate.pem()), (CERTIFICATE, certificate.pem()), (KEY, key.serialize_pem())];
    for (name, pem) in files {
        fs::write(folder.join(name), pem).expect("the folder can be written");
    }
}
