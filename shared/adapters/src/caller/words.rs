//! The words in which a failed call is explained.

use std::io;

use tokio_rustls::rustls::{CertificateError, Error, InvalidMessage};

/// The reason why a TLS handshake failed, as a text for people.
pub(super) fn of_tls(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(why)) => of_certificate(why),
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "it does not speak TLS: its answer is something else, such as plain HTTP".to_owned()
        }
        Some(Error::AlertReceived(alert)) => {
            format!("it ended the TLS handshake with the alert {alert:?}")
        }
        Some(Error::PeerIncompatible(_)) => {
            "it offers no version or cipher of TLS 1.2 or 1.3 that the relay has".to_owned()
        }
        Some(other) => format!("the TLS handshake failed: {other}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it closed the connection during the TLS handshake".to_owned()
        }
        None => format!("the TLS handshake failed: {error}"),
    }
}

fn of_certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
            "its certificate is not from an authority that is trusted: it is self-signed, from a \
             private authority, or sent without its intermediate certificates"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another host name"
        }
        CertificateError::Revoked => "its certificate was revoked",
        other => return format!("its certificate is not valid: {other}"),
    }
    .to_owned()
}
