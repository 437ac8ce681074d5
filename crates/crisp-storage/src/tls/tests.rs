use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use super::*;

/// Certificates that sign nothing but these tests: an authority, `localhost` signed by it, and a stranger.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tls/fixtures");

fn parse(url: &str) -> Result<Address, Error> {
    Address::parse(&SecretString::from(url))
}

fn sentence(url: &str) -> String {
    parse(url).unwrap_err().to_string()
}

#[test]
fn a_socket_and_a_plain_address_need_no_tls() {
    assert!(parse("postgres://postgres@/db?host=%2Ftmp%2Fsocket&sslmode=verify-full").unwrap().tls.is_none());
    assert!(parse("postgres://u:p@db.example/db?sslmode=disable").unwrap().tls.is_none());
    assert!(parse("postgresql://u:p@a.example,b.example:6432/db").unwrap().tls.is_some());
}

#[test]
fn the_rest_of_the_url_is_kept() {
    let address =
        parse("postgres://us%40er:pa%3Fss@db.example:6432/crisp?sslmode=require&application_name=x&options=-c%20a%3Db")
            .unwrap();
    assert_eq!(address.config.get_user(), Some("us@er"));
    assert_eq!(address.config.get_password(), Some("pa?ss".as_bytes()));
    assert_eq!(address.config.get_dbname(), Some("crisp"));
    assert_eq!(address.config.get_application_name(), Some("x"));
    assert_eq!(address.config.get_options(), Some("-c a=b"));
    assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
}

#[test]
fn what_is_wrong_is_said_without_the_password() {
    for (url, said) in [
        ("mysql://u:hunter2@h/db", "does not begin with postgres://"),
        ("postgres://u:hunter2@h/db?sslmode=perhaps", "sslmode is none of"),
        (
            "postgres://u:hunter2@h/db?sslmode=verify-full&sslrootcert=/nowhere/at/all.pem",
            "cannot be read as PEM",
        ),
        ("postgres://u:hunter2@h/db?colour=blue", "not supported"),
        ("postgres://u:hunter2@h:port/db", "malformed"),
    ] {
        let sentence = sentence(url);
        assert!(sentence.contains(said) && !sentence.contains("hunter2"), "{sentence}");
    }
    let key = sentence(&format!("postgres://h/db?sslmode=verify-ca&sslrootcert={FIXTURES}/server-key.pem"));
    assert!(key.contains("holds no certificate"), "{key}");
    assert!(!format!("{:?}", parse("postgres://u:hunter2@h/db").unwrap()).contains("hunter2"));
}

/// A server that speaks TLS (or says that it does not) and then just enough Postgres to let a client in.
fn server(tls: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let _refused = serve(socket.unwrap(), tls);
        }
    });
    port
}

fn serve(mut socket: TcpStream, tls: bool) -> std::io::Result<()> {
    let mut request = [0; 8];
    socket.read_exact(&mut request)?;
    if !tls {
        socket.write_all(b"N")?;
        return welcome(&mut socket);
    }
    socket.write_all(b"S")?;
    let certificate = CertificateDer::from_pem_file(format!("{FIXTURES}/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{FIXTURES}/server-key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
    welcome(&mut Stream::new(&mut connection, &mut socket))
}

/// Reads the start-up message; answers `AuthenticationOk` and `ReadyForQuery`.
fn welcome(client: &mut (impl Read + Write)) -> std::io::Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut message = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    client.read_exact(&mut message)?;
    client.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 0, b'Z', 0, 0, 0, 5, b'I'])?;
    client.flush()
}

async fn gets_in(host: &str, port: u16, options: &str) -> bool {
    let address = parse(&format!("postgres://u:p@{host}:{port}/db?{options}")).unwrap();
    match address.tls {
        None => address.config.connect(NoTls).await.is_ok(),
        Some(tls) => address.config.connect(tls).await.is_ok(),
    }
}

#[tokio::test]
async fn every_mode_trusts_as_far_as_libpq_does() {
    let port = server(true);
    let (ours, theirs) =
        (format!("sslrootcert={FIXTURES}/authority.pem"), format!("sslrootcert={FIXTURES}/stranger.pem"));
    for (host, options, expected) in [
        ("localhost", "sslmode=require".to_owned(), true),
        ("localhost", "sslmode=prefer".to_owned(), true),
        ("localhost", format!("sslmode=verify-full&{ours}"), true),
        ("127.0.0.1", format!("sslmode=verify-full&{ours}"), false),
        ("127.0.0.1", format!("sslmode=verify-ca&{ours}"), true),
        ("localhost", format!("sslmode=verify-ca&{theirs}"), false),
        ("localhost", format!("sslmode=verify-full&{theirs}"), false),
        ("localhost", format!("sslmode=require&{theirs}"), false),
        ("localhost", format!("sslmode=prefer&{theirs}"), true),
    ] {
        assert_eq!(gets_in(host, port, &options).await, expected, "{host} {options}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_unless_the_mode_says_otherwise() {
    let port = server(false);
    for (options, expected) in [("sslmode=prefer", true), ("", true), ("sslmode=require", false)] {
        assert_eq!(gets_in("localhost", port, options).await, expected, "{options}");
    }
}
