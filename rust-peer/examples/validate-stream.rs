//! Says of Arrow IPC streams whether arrow-rs takes them: it checks all contents, unless it is told not to.
//!
//! usage: validate-stream
//!
//! Each line of standard input is a stream in hexadecimal digits, each answer a line of JSON: `{"rows": n}`, or `{"error": text}`.

use std::io::{BufRead, Cursor};

use arrow_ipc::reader::StreamReader;
use arrow_schema::ArrowError;
use serde_json::json;

fn main() {
    for line in std::io::stdin().lock().lines() {
        let bytes = bytes_of(&line.expect("standard input in UTF-8"));
        let answer = match rows_of(bytes) {
            Ok(rows) => json!({ "rows": rows }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        println!("{answer}");
    }
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("two digits");
    digits.as_bytes().chunks(2).map(byte).collect()
}

fn rows_of(bytes: Vec<u8>) -> Result<usize, ArrowError> {
    let mut rows = 0;
    for batch in StreamReader::try_new(Cursor::new(bytes), None)? {
        let batch = batch?;
        for column in batch.columns() {
            column.to_data().validate_full()?;
        }
        rows += batch.num_rows();
    }
    Ok(rows)
}
