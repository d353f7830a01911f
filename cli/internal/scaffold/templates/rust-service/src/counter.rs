//! The service: it counts names for as long as the workload runs. A client sends a name in a line, and gets how often it has been sent.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> Result<()> {
    // 127.0.0.1 is the workload's own: no other program reaches it, and no grant is needed.
    let listener = TcpListener::bind("127.0.0.1:7000")?;
    println!("counting at {}", listener.local_addr()?);
    let mut counts = HashMap::new();
    for client in listener.incoming() {
        if let Err(why) = serve(client?, &mut counts) {
            eprintln!("a client has gone away: {why}");
        }
    }
    Ok(())
}

fn serve(client: TcpStream, counts: &mut HashMap<String, u32>) -> Result<()> {
    let mut name = String::new();
    BufReader::new(&client).read_line(&mut name)?;
    let count = counts.entry(name.trim_end().to_owned()).or_insert(0);
    *count += 1;
    writeln!(&client, "{count}")
}
