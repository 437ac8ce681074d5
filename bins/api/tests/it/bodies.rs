//! Bodies that are too large, over a real socket.

use tokio::net::TcpStream;

use crate::socket::{answer, send};
use crate::world::World;

const MEBIBYTE: usize = 1024 * 1024;
/// As large a piece as clients send at a time.
const PIECE: usize = 64 * 1024;

#[derive(Debug, Clone, Copy)]
enum Length {
    Told,
    Chunked,
}

/// Sends so many bytes, all of them, and only then reads.
async fn post(address: &str, head: &str, bytes: usize, length: Length) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let framing = match length {
        Length::Told => format!("content-length: {bytes}"),
        Length::Chunked => "transfer-encoding: chunked".to_owned(),
    };
    send(&mut stream, format!("{head}host: x\r\nconnection: close\r\n{framing}\r\n\r\n").as_bytes()).await;
    let mut left = bytes;
    while left > 0 {
        let piece = vec![b' '; left.min(PIECE)];
        match length {
            Length::Told => send(&mut stream, &piece).await,
            Length::Chunked => {
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
                send(&mut stream, &chunk).await;
            }
        }
        left -= piece.len();
    }
    if let Length::Chunked = length {
        send(&mut stream, b"0\r\n\r\n").await;
    }
    let answer = answer(&mut stream).await;
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

#[tokio::test]
async fn a_client_that_sends_too_much_is_told_so_however_it_sends() {
    let world = World::new().await;
    let server = world.serve(&[], &[]).await;
    let token = &server.token;
    let v1 = format!(
        "POST /v1/integrations HTTP/1.1\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
    );
    // Signed, as far as can be told without the body.
    let (signature, sent_at) = ("0".repeat(64), crisp_http::now().timestamp_millis());
    let hooks = format!(
        "POST /crisp/hooks HTTP/1.1\r\ncontent-type: application/json\r\n\
         x-crisp-signature: {signature}\r\nx-crisp-request-timestamp: {sent_at}\r\n"
    );
    let too_large = (413, "body_too_large".to_owned());
    for length in [Length::Told, Length::Chunked] {
        for beyond in [1, 3 * MEBIBYTE] {
            assert_eq!(post(&server.address, &v1, MEBIBYTE + beyond, length).await, too_large, "{length:?}");
            assert_eq!(
                post(&server.address, &hooks, 4 * MEBIBYTE + beyond, length).await,
                too_large,
                "{length:?}"
            );
        }
        // Just small enough: it is read, and refused for what it says.
        assert_eq!(post(&server.address, &v1, MEBIBYTE, length).await.0, 400, "{length:?}");
        assert_eq!(post(&server.address, &hooks, 4 * MEBIBYTE, length).await.0, 403, "{length:?}");
        // Refused for another reason before anything is read.
        let stranger = "POST /v1/integrations HTTP/1.1\r\ncontent-type: application/json\r\n";
        assert_eq!(post(&server.address, stranger, MEBIBYTE, length).await.0, 401, "{length:?}");
    }
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_before_it_sends() {
    let world = World::new().await;
    let server = world.serve(&[], &[]).await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let head = format!(
        "POST /v1/integrations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        server.token,
        2 * MEBIBYTE
    );
    send(&mut stream, head.as_bytes()).await;
    assert_eq!(answer(&mut stream).await.status, 413);
}
