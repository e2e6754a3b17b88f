//! A function that needs no crate, as source: small enough to be compiled by a test.

/// Answers every invocation with the text `answer`, and prints the event.
pub(crate) fn answering(answer: &str) -> String {
    const SOURCE: &str = r##"
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

fn call(method: &str, path: &str, body: &str) -> String {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(api).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: runtime\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

fn main() {
    loop {
        let next = call("GET", "invocation/next", "");
        let (head, event) = next.split_once("\r\n\r\n").unwrap();
        println!("{event}");
        let id = head.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: "));
        let path = format!("invocation/{}/response", id.unwrap());
        call("POST", &path, r#"{"statusCode":200,"body":"ANSWER"}"#);
    }
}
"##;
    SOURCE.replace("ANSWER", answer)
}
