//! How fast the embedded Kinesis is, and what a record costs it: `cargo bench -p tidemill-local-kinesis`.
//!
//! The server is a process of its own with one thread for its requests, so that its processor time can be told from the client's. The
//! client writes requests that it encoded before and looks at nothing in an answer but its length and, where there
//! is one, the next iterator.

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use ciborium::{Value, cbor};
use futures::future::try_join_all;
use serde_json::json;
use tidemill_local_kinesis::{LocalKinesis, Settings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

const CONNECTIONS: usize = 4;
const ENTRIES: usize = 500;
const JSON: &str = "application/x-amz-json-1.1";
const CBOR: &str = "application/x-amz-cbor-1.1";

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if env::args().nth(1).as_deref() == Some("serve") {
        return runtime.block_on(serve());
    }
    println!(
        "{:<22}{:>14}{:>12}{:>20}{:>22}",
        "", "records/s", "MB/s", "server us/record", "records/server cpu-s"
    );
    for (content_type, size, requests) in [(JSON, 100, 4_000), (JSON, 1_000, 1_000), (CBOR, 100, 1_000)] {
        let server = Server::start(None)?;
        runtime.block_on(measure(&server, content_type, size, requests))?;
    }
    println!("on disk:");
    let folder = tempfile::tempdir()?;
    let server = Server::start(Some(folder.path()))?;
    runtime.block_on(measure(&server, JSON, 100, 1_000))?;
    Ok(())
}

/// The server's side: it prints its address and serves until its standard input ends.
async fn serve() -> Result<(), Failure> {
    let settings = Settings { data_dir: env::args_os().nth(2).map(Into::into), ..Settings::default() };
    let local = LocalKinesis::start(settings).await?;
    println!("{}", local.url());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    local.stop().await;
    Ok(())
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(folder: Option<&Path>) -> Result<Self, Failure> {
        let mut process = Command::new(env::current_exe()?)
            .arg("serve")
            .args(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("the server has no standard output")?;
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url)?;
        let address = url.trim().trim_start_matches("http://").to_owned();
        Ok(Self { process, address })
    }

    /// Processor time of the server so far: its one thread, and the one that writes to the disk.
    fn cpu(&self) -> Result<Duration, Failure> {
        let mut total = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanos = stat.split_whitespace().next().ok_or("no time in schedstat")?;
            total += Duration::from_nanos(nanos.parse()?);
        }
        Ok(total)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        if let Err(error) = self.process.wait() {
            eprintln!("the server did not end: {error}");
        }
    }
}

async fn measure(server: &Server, content_type: &str, size: usize, requests: usize) -> Result<(), Failure> {
    let mut control = Connection::open(server).await?;
    control
        .call(
            "CreateStream",
            JSON,
            json!({"StreamName": "s", "ShardCount": CONNECTIONS}).to_string().as_bytes(),
        )
        .await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let put = framed("PutRecords", content_type, &put_body(content_type, size)?);
    let name = if content_type == JSON { "JSON" } else { "CBOR" };

    let (started, cpu) = (Instant::now(), server.cpu()?);
    let clients = (0..CONNECTIONS).map(|_| async {
        let mut connection = Connection::open(server).await?;
        for _ in 0..requests / CONNECTIONS {
            connection.exchange(&put).await?;
        }
        Ok::<(), Failure>(())
    });
    try_join_all(clients).await?;
    let records = requests * ENTRIES;
    report(&format!("put {name} {size} B"), records, size, started.elapsed(), server.cpu()? - cpu);

    let (started, cpu) = (Instant::now(), server.cpu()?);
    let reads = try_join_all((0..CONNECTIONS).map(|shard| read_shard(server, shard, content_type))).await?;
    let bytes: usize = reads.iter().sum();
    assert!(bytes > records * size, "all records were read: bytes={bytes}");
    report(&format!("get {name} {size} B"), records, size, started.elapsed(), server.cpu()? - cpu);
    Ok(())
}

fn report(what: &str, records: usize, size: usize, wall: Duration, cpu: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
    let (records, bytes) = (records as f64, (records * size) as f64);
    println!(
        "{what:<22}{:>14.0}{:>12.0}{:>20.2}{:>22.0}",
        records / wall.as_secs_f64(),
        bytes / 1e6 / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / records,
        records / cpu.as_secs_f64()
    );
}

/// Reads a shard from its start until nothing comes; gives the bytes that came.
async fn read_shard(server: &Server, shard: usize, content_type: &str) -> Result<usize, Failure> {
    let mut connection = Connection::open(server).await?;
    let asked = json!({"StreamName": "s", "ShardId": format!("shardId-{shard:012}"), "ShardIteratorType": "TRIM_HORIZON"});
    let mut iterator =
        next_iterator(connection.call("GetShardIterator", JSON, asked.to_string().as_bytes()).await?)?;
    let mut bytes = 0;
    loop {
        let body = if content_type == JSON {
            json!({"ShardIterator": iterator, "Limit": 10_000}).to_string().into_bytes()
        } else {
            written(&cbor!({"ShardIterator" => iterator, "Limit" => 10_000})?)?
        };
        let answer = connection.call("GetRecords", content_type, &body).await?;
        // An answer without records is an iterator and little more.
        if answer.len() < 1_000 {
            return Ok(bytes);
        }
        bytes += answer.len();
        iterator = next_iterator(answer)?;
    }
}

/// The iterator near the end of an answer: the first run of hexadecimal digits after the field's name.
fn next_iterator(answer: &[u8]) -> Result<String, Failure> {
    let name = b"ShardIterator";
    let tail = &answer[answer.len().saturating_sub(500)..];
    let at = tail.windows(name.len()).rposition(|window| window == name).ok_or("no iterator")?;
    let rest = &tail[at + name.len()..];
    let from = rest.iter().position(u8::is_ascii_hexdigit).ok_or("no iterator")?;
    let text = rest[from..].iter().take_while(|byte| byte.is_ascii_hexdigit());
    Ok(text.map(|byte| char::from(*byte)).collect())
}

fn put_body(content_type: &str, size: usize) -> Result<Vec<u8>, Failure> {
    let data = vec![b'd'; size];
    let keys = (0..ENTRIES).map(|n| format!("key-{n:06}"));
    if content_type == JSON {
        let text = base64_simd::STANDARD.encode_to_string(&data);
        let records: Vec<_> = keys.map(|key| json!({"Data": text, "PartitionKey": key})).collect();
        return Ok(json!({"StreamName": "s", "Records": records}).to_string().into_bytes());
    }
    let entry = |key: String| cbor!({"Data" => Value::Bytes(data.clone()), "PartitionKey" => key});
    let records: Result<Vec<Value>, _> = keys.map(entry).collect();
    written(&cbor!({"StreamName" => "s", "Records" => records?})?)
}

fn written(value: &Value) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes)?;
    Ok(bytes)
}

fn framed(operation: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\nauthorization: any\r\n\
         x-amz-target: Kinesis_20131202.{operation}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(server: &Server) -> Result<Self, Failure> {
        let stream = TcpStream::connect(&server.address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 20) })
    }

    async fn call(&mut self, operation: &str, content_type: &str, body: &[u8]) -> Result<&[u8], Failure> {
        self.exchange(&framed(operation, content_type, body)).await
    }

    /// Writes a request and reads its answer to the end; gives the body.
    async fn exchange(&mut self, request: &[u8]) -> Result<&[u8], Failure> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
        let length =
            text.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("no length")?;
        let end = head + length.trim().parse::<usize>()?;
        while self.buffer.len() < end {
            self.stream.read_buf(&mut self.buffer).await?;
        }
        if !text.starts_with("http/1.1 200") {
            return Err(String::from_utf8_lossy(&self.buffer[head..end]).into());
        }
        Ok(&self.buffer[head..end])
    }
}
