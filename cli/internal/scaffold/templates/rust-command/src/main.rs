//! Greets its arguments, or the lines of its standard input if it has none. Without a name it fails.

use std::io::{stdin, BufRead};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names = stdin().lock().lines().map_while(Result::ok).collect();
    }
    if names.is_empty() {
        eprintln!("nobody to greet");
        return ExitCode::FAILURE;
    }
    for name in names {
        println!("hello {name}");
    }
    ExitCode::SUCCESS
}
