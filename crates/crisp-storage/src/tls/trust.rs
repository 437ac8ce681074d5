//! Whom to believe: nobody in particular, an authority, or an authority and the name.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::Error;

/// Authorities whose signature counts.
pub(super) struct Roots(Arc<RootCertStore>);

impl Roots {
    /// The authorities of a PEM file; those of the machine where none is named, or `system` is.
    pub(super) fn load(file: Option<&str>) -> Result<Self, Error> {
        let mut store = RootCertStore::empty();
        let (certificates, nothing_there) = match file {
            None | Some("system") => (
                rustls_native_certs::load_native_certs().certs,
                "this machine's trust store holds no certificate: name one with sslrootcert",
            ),
            Some(path) => (read_pem(path.as_ref())?, "the file that sslrootcert names holds no certificate"),
        };
        // A store may hold old certificates that nothing can use any more; they are passed over.
        let (usable, _unusable) = store.add_parsable_certificates(certificates);
        if usable == 0 { Err(Error::Address(nothing_there)) } else { Ok(Self(Arc::new(store))) }
    }
}

fn read_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    certificates.or(Err(Error::Address("the file that sslrootcert names cannot be read as PEM")))
}

/// Encrypts, whoever answers.
pub(super) fn anybody() -> Result<ClientConfig, Error> {
    lenient(None)
}

/// Believes whoever one of these authorities signed, under any name.
pub(super) fn signed_by(roots: Roots) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = WebPkiServerVerifier::builder_with_provider(roots.0, provider)
        .build()
        .or(Err(Error::Address("the certificates of sslrootcert cannot be used")))?;
    lenient(Some(chain))
}

/// Believes whoever one of these authorities signed for the name that was called.
pub(super) fn signed_by_for_name(roots: Roots) -> Result<ClientConfig, Error> {
    Ok(builder()?.with_root_certificates(roots.0).with_no_client_auth())
}

fn lenient(chain: Option<Arc<WebPkiServerVerifier>>) -> Result<ClientConfig, Error> {
    let verifier = Lenient { chain, provider: aws_lc_rs::default_provider() };
    Ok(builder()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .or(Err(Error::Address("TLS is not available in this build")))
}

/// Checks the chain where there is one to check, never the name; and always that the peer holds its key.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: CryptoProvider,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: everything before it was in order.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
