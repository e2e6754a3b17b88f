//! The token with which a client proves itself to MSK by IAM: a signed URL that nobody calls.
//!
//! Source: AWS's signers, such as <https://github.com/aws/aws-msk-iam-sasl-signer-python>, and
//! <https://docs.aws.amazon.com/msk/latest/developerguide/configure-clients-for-iam-access-control.html>.

use std::fmt;

#[cfg(feature = "tls")]
pub(crate) use self::signing::token;

/// Credentials of an AWS user or role.
#[derive(Clone, PartialEq, Eq)]
pub struct IamCredentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`, where they are for a while only.
    pub session_token: Option<String>,
}

impl fmt::Debug for IamCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.access_key_id)
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// A client asks for tokens that is not to prove itself by IAM.
    #[error("this client proves itself without tokens")]
    NotAsked,
    /// A client without encryption never gets as far as that.
    #[cfg(not(feature = "tls"))]
    #[error("this build has no TLS")]
    NoTls,
    /// The signer refused.
    #[cfg(feature = "tls")]
    #[error("failed to sign a token")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(not(feature = "tls"))]
pub(crate) fn token(
    _region: &str,
    _credentials: &IamCredentials,
    _now: jiff::Timestamp,
) -> Result<rdkafka::client::OAuthToken, TokenError> {
    Err(TokenError::NoTls)
}

#[cfg(feature = "tls")]
mod signing {
    use std::error::Error;
    use std::fmt::Write as _;
    use std::iter;
    use std::time::{Duration, SystemTime};

    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
    };
    use aws_sigv4::sign::v4;
    use base64_simd::URL_SAFE_NO_PAD;
    use jiff::Timestamp;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use rdkafka::client::OAuthToken;

    use super::{IamCredentials, TokenError};

    /// As AWS's signers have it; MSK takes no more.
    const LIFETIME: Duration = Duration::from_mins(15);

    /// What is told MSK about who signed.
    const USER_AGENT: &str = concat!("millrace%2F", env!("CARGO_PKG_VERSION"));

    /// A token for the clusters of a region.
    pub(crate) fn token(
        region: &str,
        credentials: &IamCredentials,
        now: Timestamp,
    ) -> Result<OAuthToken, TokenError> {
        let url = signed_url(region, credentials, now).map_err(TokenError::Signing)?;
        let lifetime_ms = i64::try_from(LIFETIME.as_millis()).expect("minutes fit");
        Ok(OAuthToken {
            token: URL_SAFE_NO_PAD.encode_to_string(format!("{url}&User-Agent={USER_AGENT}")),
            // MSK takes it from the token.
            principal_name: String::new(),
            lifetime_ms: now.as_millisecond() + lifetime_ms,
        })
    }

    fn signed_url(
        region: &str,
        credentials: &IamCredentials,
        now: Timestamp,
    ) -> Result<String, Box<dyn Error + Send + Sync>> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(LIFETIME);
        let IamCredentials { access_key_id, secret_access_key, session_token } =
            credentials.clone();
        let credentials =
            Credentials::new(access_key_id, secret_access_key, session_token, None, "millrace");
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("kafka-cluster")
            .time(SystemTime::from(now))
            .settings(settings)
            .build()?
            .into();
        let mut url =
            format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect");
        let body = SignableBody::Bytes(&[]);
        let request = SignableRequest::new("GET", url.clone(), iter::empty(), body)?;
        let (instructions, _signature) = sign(request, &parameters)?.into_parts();
        for (name, value) in instructions.params() {
            let value = utf8_percent_encode(value, &UNRESERVED);
            write!(url, "&{name}={value}")?;
        }
        Ok(url)
    }

    /// What RFC 3986 leaves as it is.
    const UNRESERVED: percent_encoding::AsciiSet =
        NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

    #[cfg(test)]
    mod tests {
        use super::*;

        /// The parts of a signed URL, whatever their order.
        fn parts(url: &str) -> Vec<&str> {
            let mut parts: Vec<_> = url.split(['?', '&']).collect();
            parts.sort_unstable();
            parts
        }

        /// The expected URLs are those of AWS's own signer, 1.0.2 for Python, at the same moment.
        #[test]
        fn signs_as_awss_own_signer_does() {
            let begin = "https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect\
                         &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261121\
                         %2Feu-west-1%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20261121T223344Z\
                         &X-Amz-Expires=900&X-Amz-SignedHeaders=host";
            for (session_token, rest) in [
                (
                    None,
                    "&X-Amz-Signature=\
                     9f18a850ce11c792e9585b3960e14e66e3d9087454680a24dced78dc222ea285",
                ),
                (
                    Some("session/token+=".to_owned()),
                    "&X-Amz-Security-Token=session%2Ftoken%2B%3D&X-Amz-Signature=\
                     7900055e378a33e8642d4828674b25f4e3ceb7af2ee7fadf8b175ab981dc8da7",
                ),
            ] {
                let credentials = IamCredentials {
                    access_key_id: "AKIDEXAMPLE".to_owned(),
                    secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
                    session_token,
                };
                let now = "2026-11-21T22:33:44Z".parse().unwrap();
                let token = token("eu-west-1", &credentials, now).unwrap();
                let url = URL_SAFE_NO_PAD.decode_to_vec(&token.token).unwrap();
                let expected = format!("{begin}{rest}&User-Agent={USER_AGENT}");
                assert_eq!(parts(std::str::from_utf8(&url).unwrap()), parts(&expected));
                assert_eq!(token.lifetime_ms, 1_795_301_324_000);
            }
        }
    }
}
