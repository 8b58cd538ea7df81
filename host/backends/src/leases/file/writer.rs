//! The thread that owns the file.
//!
//! It takes every command that waits, does them in one transaction, and answers when the disk has it. So the cost of
//! a write to the disk is shared by all shards that want one at the same time, and each answer is durable.

use std::{fmt, io, mem, thread};

use redb::{Database, ReadableTable, Table};
use tidemill_engine::{
    lease::{Lease, LeaseError, LeaseKey, change::Change},
    limits,
};
use tokio::sync::{mpsc, oneshot};

use super::stored::{self, LEASES};

/// A handle on the thread. Dropping it waits for the write under way and closes the file.
#[derive(Debug)]
pub(crate) struct Writer {
    commands: mpsc::Sender<Command>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug)]
enum Command {
    Lease { application: String, wish: Wish, reply: oneshot::Sender<Answer> },
    Other(Job),
}

/// Something else that the file keeps: it has transactions of its own, and answers by itself.
struct Job(Box<dyn FnOnce(&Database) + Send>);

#[derive(Debug)]
enum Wish {
    /// All leases.
    List,
    /// One of them.
    Get(LeaseKey),
    /// The one that is changed as it then is.
    Write(Change),
}

/// The leases that were wished for: of one that is not there, or not any more, none.
type Answer = Result<Vec<Lease>, LeaseError>;

type LeaseTable<'t> = Table<'t, (&'static str, &'static str, &'static str), &'static [u8]>;

impl Writer {
    pub(super) fn start(database: Database) -> io::Result<Self> {
        let (commands, queue) = mpsc::channel(limits::LEASE_FILE_QUEUE);
        let thread = thread::Builder::new().name("lease-file".into()).spawn(move || run(&database, queue))?;
        Ok(Self { commands, thread: Some(thread) })
    }

    /// All leases of an application.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    pub(super) async fn list(&self, application: &str) -> Answer {
        self.ask(application, Wish::List).await
    }

    /// One lease of an application.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    pub(super) async fn get(&self, application: &str, key: LeaseKey) -> Result<Option<Lease>, LeaseError> {
        self.ask(application, Wish::Get(key)).await.map(|mut leases| leases.pop())
    }

    /// Makes a change and answers the lease as it then is, if it still is.
    ///
    /// # Cancel safety
    /// A change whose future was dropped may be made or not.
    pub(super) async fn write(&self, application: &str, change: Change) -> Result<Option<Lease>, LeaseError> {
        self.ask(application, Wish::Write(change)).await.map(|mut leases| leases.pop())
    }

    /// Does something with the file, in turn with what others want of it; none where the thread has ended.
    ///
    /// # Cancel safety
    /// It may be done or not.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let job = Job(Box::new(move |database: &Database| {
            // Whoever asked may have gone.
            let _ = reply.send(work(database));
        }));
        self.commands.send(Command::Other(job)).await.ok()?;
        answer.await.ok()
    }

    async fn ask(&self, application: &str, wish: Wish) -> Answer {
        let (reply, answer) = oneshot::channel();
        let gone = || LeaseError::Unavailable("the thread that writes the lease file has ended".into());
        let command = Command::Lease { application: application.to_owned(), wish, reply };
        self.commands.send(command).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when no sender is left, so this one goes before the wait for it.
        drop(mem::replace(&mut self.commands, mpsc::channel(1).0));
        if let Some(thread) = self.thread.take() {
            // A panic was printed where it happened, and every call since has failed.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}

fn run(database: &Database, mut queue: mpsc::Receiver<Command>) {
    while let Some(first) = queue.blocking_recv() {
        let mut commands = vec![first];
        while commands.len() < limits::LEASE_FILE_QUEUE
            && let Ok(next) = queue.try_recv()
        {
            commands.push(next);
        }
        do_all(database, commands);
    }
}

fn do_all(database: &Database, commands: Vec<Command>) {
    let (mut asked, mut replies, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
    for command in commands {
        match command {
            Command::Lease { application, wish, reply } => {
                asked.push((application, wish));
                replies.push(reply);
            }
            Command::Other(job) => jobs.push(job),
        }
    }
    if !asked.is_empty() {
        do_leases(database, asked, replies);
    }
    jobs.into_iter().for_each(|Job(work)| work(database));
}

fn do_leases(database: &Database, asked: Vec<(String, Wish)>, replies: Vec<oneshot::Sender<Answer>>) {
    let answers = transact(database, asked).unwrap_or_else(|error| {
        let reason = format!("{error}; the file is not written again until the process is started anew");
        vec![Err(LeaseError::Unavailable(reason)); replies.len()]
    });
    for (reply, answer) in replies.into_iter().zip(answers) {
        // Whoever asked may have gone.
        let _ = reply.send(answer);
    }
}

fn transact(database: &Database, asked: Vec<(String, Wish)>) -> Result<Vec<Answer>, redb::Error> {
    let transaction = database.begin_write()?;
    let answers = {
        let mut table = transaction.open_table(LEASES)?;
        let answer = |(application, wish): (String, Wish)| match wish {
            Wish::List => list(&table, &application),
            Wish::Get(key) => Ok(get(&table, &application, &key)?.map(|found| found.into_iter().collect())),
            Wish::Write(change) => write(&mut table, &application, change),
        };
        asked.into_iter().map(answer).collect::<Result<_, _>>()?
    };
    transaction.commit()?;
    Ok(answers)
}

fn list(table: &LeaseTable<'_>, application: &str) -> Result<Answer, redb::Error> {
    let mut leases = Vec::new();
    for item in table.range((application, "", "")..)? {
        let (key, value) = item?;
        let (owner, stream, shard) = key.value();
        if owner != application {
            break;
        }
        let key = LeaseKey { stream: stream.into(), shard: shard.into() };
        match stored::decode(key, value.value()) {
            Ok(lease) => leases.push(lease),
            Err(reason) => return Ok(Err(LeaseError::Unavailable(reason))),
        }
    }
    Ok(Ok(leases))
}

/// The lease, if it is there and readable.
fn get(
    table: &LeaseTable<'_>,
    application: &str,
    key: &LeaseKey,
) -> Result<Result<Option<Lease>, LeaseError>, redb::Error> {
    let value = table.get((application, &*key.stream, key.shard.as_str()))?;
    let found = value.map(|value| stored::decode(key.clone(), value.value()));
    Ok(found.transpose().map_err(LeaseError::Unavailable))
}

fn write(table: &mut LeaseTable<'_>, application: &str, change: Change) -> Result<Answer, redb::Error> {
    let lease_key = change.key().clone();
    let found = get(table, application, &lease_key)?;
    let changed = match found.and_then(|found| change.apply(found)) {
        Ok(changed) => changed,
        Err(error) => return Ok(Err(error)),
    };
    let key = (application, &*lease_key.stream, lease_key.shard.as_str());
    match &changed {
        Some(lease) => table.insert(key, &*stored::encode(lease))?,
        None => table.remove(key)?,
    };
    Ok(Ok(changed.into_iter().collect()))
}
