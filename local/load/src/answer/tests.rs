//! Answers as servers write them, whole and byte by byte, and what is none.

use super::*;

fn answer(status: u16, keep_alive: bool, body: &str) -> Answer {
    Answer { status, retry_after: false, keep_alive, body: body.into() }
}

/// Reads `text` whole and byte by byte, which must come to the same.
#[track_caller]
fn read(text: &str) -> (Result<Option<Answer>, NotHttp>, String) {
    let mut received = text.as_bytes().to_vec();
    let whole = Reading::new(false).read(&mut received);
    let (mut reading, mut buffer, mut piecemeal) = (Reading::new(false), Vec::new(), Ok(None));
    let mut left = text.bytes();
    while let (Ok(None), Some(byte)) = (&piecemeal, left.next()) {
        buffer.push(byte);
        piecemeal = reading.read(&mut buffer);
    }
    assert_eq!(whole, piecemeal, "{text}");
    (whole, String::from_utf8(received).unwrap())
}

#[track_caller]
fn reads(text: &str, expected: &Answer) {
    let (read, left) = read(text);
    assert_eq!((read, left.as_str()), (Ok(Some(expected.clone())), ""), "{text}");
}

#[test]
fn reads_every_way_to_tell_where_an_answer_ends() {
    reads("HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", &answer(202, true, ""));
    reads("HTTP/1.1 400 \r\ncontent-length: 3\r\n\r\nbad", &answer(400, true, "bad"));
    reads("HTTP/1.1 204 No Content\r\n\r\n", &answer(204, true, ""));
    reads(
        "HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\na: b\r\n\r\n",
        &answer(500, true, "abcde"),
    );
    reads(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        &answer(200, true, ""),
    );
    let mut to_head = Reading::new(true);
    let mut received = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec();
    assert_eq!(to_head.read(&mut received), Ok(Some(answer(200, true, ""))));
}

#[test]
fn an_answer_may_end_with_its_connection() {
    let mut reading = Reading::new(false);
    let mut received = b"HTTP/1.1 500 X\r\n\r\nall ".to_vec();
    assert_eq!(reading.read(&mut received), Ok(None));
    received.extend_from_slice(b"of it");
    assert_eq!(reading.read(&mut received), Ok(None));
    assert_eq!(reading.end(), Some(answer(500, false, "all of it")));

    let mut cut = Reading::new(false);
    let mut received = b"HTTP/1.1 202 X\r\ncontent-length: 9\r\n\r\nhalf".to_vec();
    assert_eq!(cut.read(&mut received), Ok(None));
    assert_eq!(cut.end(), None, "the rest is missing");
}

#[test]
fn knows_whether_the_connection_goes_on() {
    for (head, keep_alive) in [
        ("HTTP/1.1 200 OK", true),
        ("HTTP/1.1 200 OK\r\nConnection: Close", false),
        ("HTTP/1.1 200 OK\r\nconnection: upgrade, close", false),
        ("HTTP/1.0 200 OK", false),
        ("HTTP/1.0 200 OK\r\nconnection: keep-alive", true),
    ] {
        reads(&format!("{head}\r\ncontent-length: 0\r\n\r\n"), &answer(200, keep_alive, ""));
    }
}

#[test]
fn keeps_what_decides_whether_there_was_an_effect() {
    let text = "HTTP/1.1 503 X\r\nRetry-After: 1\r\ncontent-length: 15\r\n\r\noutcome unknown";
    let expected = Answer { retry_after: true, ..answer(503, true, "outcome unknown") };
    reads(text, &expected);
    let long = "x".repeat(BODY_BYTES_KEPT + 9);
    let text = format!("HTTP/1.1 500 X\r\ncontent-length: {}\r\n\r\n{long}", long.len());
    let mut received = text.into_bytes();
    let read = Reading::new(false).read(&mut received).unwrap().unwrap();
    assert_eq!((read.body.len(), received.len()), (BODY_BYTES_KEPT, 0));
}

#[test]
fn what_follows_an_answer_is_left() {
    let (answer, left) = read("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 408 ");
    assert!(answer.unwrap().is_some());
    assert_eq!(left, "HTTP/1.1 408 ");
}

#[test]
fn refuses_what_is_not_http() {
    for text in [
        "220 mail.example.com ESMTP\r\n",
        "\u{15}\u{3}\u{1}",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc",
    ] {
        assert_eq!(read(text).0, Err(NotHttp), "{text}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
    assert_eq!(Reading::new(false).read(&mut endless.into_bytes()), Err(NotHttp));
}
