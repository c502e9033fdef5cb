//! Requests of HTTP/1.1, for services that answer one and close.

use tokio::{io::AsyncReadExt, net::TcpStream};

/// Reads one request: its head, and its body as text. `None` if the client is gone before its end.
pub(crate) async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut request = Vec::new();
    let whole = |request: &[u8]| {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&request[..end]).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
        (end + length <= request.len())
            .then(|| (head, String::from_utf8_lossy(&request[end..]).into_owned()))
    };
    loop {
        if let Some(whole) = whole(&request) {
            return Some(whole);
        }
        let mut part = [0; 16_384];
        match stream.read(&mut part).await {
            Ok(count) if 0 < count => request.extend_from_slice(&part[..count]),
            _ => return None,
        }
    }
}
