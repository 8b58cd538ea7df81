//! Every limit and default, with its unit and source. A number that decides anything stands here and nowhere else.
//!
//! "Service" names the public documentation of Amazon Kinesis Data Streams; "ours" a choice of this project.

use std::time::Duration;

/// Entries in one PutRecords request. Service: PutRecords.
pub const PUT_RECORDS_ENTRIES: usize = 500;
/// Bytes of one PutRecords request, data and partition keys together. Service: PutRecords, 10 MiB.
pub const PUT_RECORDS_BYTES: usize = 10 << 20;
/// Bytes of one record, data and partition key together, on a stream that was not told otherwise.
/// Service: `MaxRecordSizeInKiB`, default 1,024.
pub const RECORD_BYTES: usize = 1 << 20;
/// Largest value of `MaxRecordSizeInKiB`, in KiB. Service: UpdateMaxRecordSize.
pub const MAX_RECORD_KIB: u32 = 10 << 10;
/// Smallest and default value of `MaxRecordSizeInKiB`, in KiB. Service: UpdateMaxRecordSize.
pub const DEFAULT_RECORD_KIB: u32 = 1 << 10;
/// Characters in a partition key. Service: PutRecord, 1 to 256 Unicode characters.
pub const PARTITION_KEY_CHARS: usize = 256;
/// Digits of a sequence number. Service: pattern `0|([1-9]\d{0,128})`.
pub const SEQUENCE_NUMBER_DIGITS: usize = 129;

/// Records in one GetRecords response, and the largest `Limit`. Service: GetRecords.
pub const GET_RECORDS_RECORDS: usize = 10_000;
/// Bytes in one GetRecords response. Service: GetRecords, 10 MiB.
pub const GET_RECORDS_BYTES: usize = 10 << 20;
/// GetRecords calls a second on one shard. Service: GetRecords.
pub const GET_RECORDS_PER_SECOND: u32 = 5;
/// Bytes a second that GetRecords may read from one shard. Service: 2 MiB.
pub const SHARD_READ_BYTES_PER_SECOND: usize = 2 << 20;
/// How long a shard iterator may be used. Service: GetShardIterator, 5 minutes.
pub const ITERATOR_LIFE: Duration = Duration::from_secs(300);
/// How long a ListShards token may be used. Service: ListShards, 300 seconds.
pub const LIST_SHARDS_TOKEN_LIFE: Duration = Duration::from_secs(300);
/// Shards in one ListShards response. Service: ListShards, default and cap of `MaxResults`.
pub const LIST_SHARDS_RESULTS: usize = 1_000;
/// Shards in one DescribeStream response unless `Limit` says otherwise. Service: DescribeStream, default 100.
pub const DESCRIBE_STREAM_SHARDS: usize = 100;

/// How long a subscription to a shard lasts. Service: SubscribeToShard, 5 minutes.
pub const SUBSCRIPTION_LIFE: Duration = Duration::from_secs(300);
/// How long after a subscription the same consumer may not subscribe to the same shard. Service: SubscribeToShard, 5 s.
pub const SUBSCRIBE_AGAIN: Duration = Duration::from_secs(5);
/// How often a subscription has an event though there are no records. Service: seen to be about 5 s.
pub const SUBSCRIPTION_HEARTBEAT: Duration = Duration::from_secs(5);
/// Bytes of one event of a subscription; a single record may be larger. Ours: of the rate below, half a second.
pub const SUBSCRIPTION_EVENT_BYTES: usize = 1 << 20;
/// Bytes a second that one subscription pushes. Service: 2 MiB for each consumer and shard.
pub const SUBSCRIPTION_BYTES_PER_SECOND: usize = 2 << 20;
/// Registered consumers of one stream. Service: RegisterStreamConsumer, 20.
pub const STREAM_CONSUMERS: usize = 20;
/// Consumers of one stream that are being created at once. Service: RegisterStreamConsumer, 5.
pub const STREAM_CONSUMERS_CREATING: usize = 5;
/// Consumers in one ListStreamConsumers response unless `MaxResults` says otherwise. Service: default 100.
pub const LIST_CONSUMERS_RESULTS: usize = 100;
/// Largest `MaxResults` of ListStreamConsumers. Service: ListStreamConsumers.
pub const LIST_CONSUMERS_RESULTS_MAX: usize = 10_000;
/// DescribeStreamConsumer calls a second. Service: DescribeStreamConsumer, 20.
pub const DESCRIBE_CONSUMER_PER_SECOND: u32 = 20;
/// Characters in a registered consumer's name. Service: 1 to 128.
pub const CONSUMER_NAME_CHARS: usize = 128;

/// Records a second that one shard takes. Service: quotas.
pub const SHARD_WRITE_RECORDS_PER_SECOND: u32 = 1_000;
/// Bytes a second that one shard takes, partition keys included. Service: quotas, 1 MiB.
pub const SHARD_WRITE_BYTES_PER_SECOND: usize = 1 << 20;
/// How long a stream keeps its records unless told otherwise. Service: 24 hours.
pub const RETENTION: Duration = Duration::from_secs(24 * 3600);
/// Longest retention. Service: IncreaseStreamRetentionPeriod, 8,760 hours.
pub const RETENTION_MAX: Duration = Duration::from_secs(8_760 * 3600);

/// Records in one call of a handler unless the pipeline says otherwise. Ours: longer batches cost more a record,
/// because they fall out of the processor's cache (docs/decisions/0001).
pub const BATCH_RECORDS: usize = 1_000;
/// Bytes in one call of a handler unless the pipeline says otherwise. Ours, as above.
pub const BATCH_BYTES: usize = 1 << 20;
/// Attempts at one batch before its shard stops, unless the pipeline says otherwise. Ours.
pub const HANDLER_ATTEMPTS: u32 = 5;
/// Lanes of one shard unless the pipeline says otherwise. Ours: a shard's records are handled one after another.
pub const LANES: u32 = 1;
/// Most lanes of one shard. Ours: a shard takes 1,000 records a second, so more would have next to nothing to do.
pub const LANES_MAX: u32 = 32;
/// User records of one shard that a handler may leave without a checkpoint where checkpoints are its own to make,
/// unless the pipeline says otherwise. Ours: it bounds what a crash repeats.
pub const UNCHECKPOINTED_RECORDS: u64 = 1_000_000;
/// The count of misplaced user records of a shard has to grow by this factor before the log tells of it again. Ours:
/// a line at 1, 10, 100 and so on.
pub const MISPLACED_LOG_FACTOR: u64 = 10;
/// Batches of one shard whose emitted documents may be on their way before the next is handled. Ours: it keeps the
/// handler busy through one linger of the producer and bounds what a crash repeats.
pub const UNACKNOWLEDGED_BATCHES: usize = 32;
/// First and longest pause between attempts at a batch. Ours.
pub const HANDLER_BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Longest batching window. Lambda: `MaximumBatchingWindowInSeconds`, 300 s.
pub const BATCH_WINDOW_LONGEST: Duration = Duration::from_secs(300);
/// Calls of a handler in a row that fail before its shard pauses, unless the pipeline says otherwise. Ours: more than one
/// bad record costs in a batch of any length, its attempts and the halving.
pub const BREAKER_FAILURES: u32 = 30;
/// First and longest pause of a shard whose handler keeps failing, unless the pipeline says otherwise. Ours.
pub const BREAKER_PAUSE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));
/// First and longest pause before dead letters are put again. Ours.
pub const DEAD_LETTER_BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// Longest pause that a handler may ask for before another attempt. Ours: a batch must not hold its shard for ever.
pub const HANDLER_RETRY_LONGEST: Duration = Duration::from_secs(300);

/// How long a document may wait for company before it is sent. async-kinesis: `buffer_time`, 0.5 s.
pub const LINGER: Duration = Duration::from_millis(500);
/// Bytes of documents that a producer holds before `put` waits. Ours.
pub const PRODUCER_BYTES: usize = 32 << 20;
/// Documents that a producer holds before `put` waits. Ours; async-kinesis's `max_queue_size` is 10,000 items.
pub const PRODUCER_DOCUMENTS: usize = 100_000;
/// PutRecords requests of one producer under way at once. Ours.
pub const PRODUCER_REQUESTS: usize = 4;
/// Bytes of documents that are worth sending before the linger is over. Ours: half of what one request may hold.
pub const PRODUCER_BATCH_BYTES: usize = 5 << 20;
/// Entries that may wait for their turn before documents are kept in the batcher. Ours.
pub const PRODUCER_QUEUE: usize = 20_000;
/// Calls of `put` that may wait for the producer's task. Ours: room is reserved before.
pub const PRODUCER_COMMANDS: usize = 64;
/// Attempts at one entry before its ticket fails. Ours: with the back-off below, about ten minutes of an outage.
pub const PUT_ATTEMPTS: u32 = 40;
/// First and longest pause before an entry is sent again. Ours.
pub const PUT_BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(15));
/// Bytes that the size of an entry is rounded up to where a shard's rate is counted. Service: quotas, 1 KiB.
pub const SHARD_WRITE_ROUNDING_BYTES: usize = 1 << 10;
/// What is left of a shard's rate, in thousandths, after a request that was throttled there. Ours.
pub const RATE_SLOWDOWN_THOUSANDTHS: u32 = 800;
/// The least that is left of a shard's rate, in thousandths. Ours: a shard is never given up.
pub const RATE_SLOWEST_THOUSANDTHS: u32 = 50;
/// What a shard gets back of its rate in each second without throttling, in thousandths. Ours: all within 19 s.
pub const RATE_RECOVERY_THOUSANDTHS: u32 = 50;
/// How long a shard without room is left alone at the least. Ours: its entries go together and not one by one.
pub const RATE_PAUSE: Duration = Duration::from_millis(100);
/// First and longest pause between listings of the shards by a producer. KPL: 1 s to 30 s.
pub const SHARD_LIST_BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Listings in vain after which a producer that needs other shards than it knows goes on without any. Ours.
pub const SHARD_LIST_ATTEMPTS: u32 = 6;
/// Partition keys whose hash keys a producer remembers. Ours: a few megabytes.
pub const REMEMBERED_KEYS: usize = 50_000;
/// Entries that a producer reads from its spool at once. Ours: at 1 MiB each, they are as much again as it may hold.
pub const SPOOL_READ_ENTRIES: usize = 32;
/// How long a producer waits before it reads a spool again that it could not empty, or that failed. Ours.
pub const SPOOL_INTERVAL: Duration = Duration::from_secs(5);
/// Bytes of a partition key that a producer picks for documents without one. Ours: 64 random bits as hex digits.
pub const SPREAD_KEY_BYTES: usize = 16;

/// How often one shard is read while there is something to read. Service: at most five times a second.
pub const FETCH_INTERVAL: Duration = Duration::from_millis(200);
/// How long a reader pauses when a shard had nothing. Ours; async-kinesis's `sleep_time_no_records` is 2 s.
pub const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// Looks at an idle pipeline within its idle timeout, and so how exactly that is kept. Ours.
pub const IDLE_LOOKS: u32 = 10;
/// First and longest pause after a failed read. Ours; async-kinesis stops at 30 s.
pub const FETCH_BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// Subscriptions that share one connection. Ours: servers of HTTP/2 allow about a hundred calls on one at once.
pub const SUBSCRIPTIONS_PER_CONNECTION: usize = 50;
/// How long a subscription is read before another takes its place. Ours: before the service ends it at
/// [`SUBSCRIPTION_LIFE`].
pub const SUBSCRIPTION_RENEWAL: Duration = Duration::from_secs(285);
/// How long a subscription may be silent before it counts as failed. Ours: three of [`SUBSCRIPTION_HEARTBEAT`].
pub const SUBSCRIPTION_SILENCE: Duration = Duration::from_secs(15);
/// How long a subscription has to last for those before it that failed to be forgotten. Ours: one that gives an event
/// and falls silent is no success.
pub const SUBSCRIPTION_PROVEN: Duration = Duration::from_secs(60);
/// Subscriptions in a row that may fail before a shard is polled instead. Ours.
pub const SUBSCRIPTION_FAILURES: u32 = 3;
/// First and longest pause before a shard that is polled instead is subscribed to again. Ours.
pub const SUBSCRIPTION_RETURN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// How wrong the clock of a worker may be. Service: requests that were signed at a date further off are refused.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// How often the shards of a stream are listed. async-kinesis: 60 s.
pub const DISCOVERY_INTERVAL: Duration = Duration::from_secs(60);
/// How long listing all shards may take, over all pages. Ours.
pub const LIST_SHARDS_WITHIN: Duration = Duration::from_secs(60);
/// Span over which the measured throughput of a shard fades to a third. Ours: a burst is not a shard's load.
pub const LOAD_SPAN: Duration = Duration::from_secs(60);
/// How long a lease may stand still before another worker takes it. KCL: `failoverTimeMillis`, 10 s.
pub const FAILOVER: Duration = Duration::from_secs(10);
/// How often another worker's lease is looked at that this one asked for, in each failover time. Ours.
pub const HANDOVER_LOOKS: u32 = 10;
/// Failover times for which a lease that changed hands is not moved again to balance throughput. Ours: its load is
/// measured anew meanwhile.
pub const BALANCE_REST_FAILOVERS: u32 = 3;
/// Part of the workers' mean throughput, in percent, by which two of them may differ before leases move. Ours; KCL's is
/// 10 %.
pub const BALANCE_NOISE_PERCENT: u64 = 20;
/// What a shard without records weighs when throughput is balanced, in percent of the mean shard. Ours.
pub const BALANCE_IDLE_PERCENT: u64 = 10;
/// Audits in a row that must find a hole or an overlap before it is believed. KCL: 3.
pub const AUDITS: u32 = 3;
/// Writes of the coordinator to leases at once. Ours: a thousand leases are taken in moments, and a store is not
/// flooded.
pub const LEASE_WRITES: usize = 16;
/// Pause between two looks at leases, whatever happened. Ours: shards that end together are followed up together.
pub const ROUND_PAUSE: Duration = Duration::from_millis(100);
/// How often a checkpoint is written at the most. Ours: a crash repeats what was handled since.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// Attempts at the last checkpoint of a shard that is given back. Ours.
pub const LAST_CHECKPOINT_ATTEMPTS: u32 = 5;
/// How long a reader of async-kinesis counts as alive after it said so. async-kinesis: `session_timeout`, 60 s.
pub const ASYNC_KINESIS_SESSION: Duration = Duration::from_secs(60);
/// Keys that one SCAN of Redis looks at. Ours: a server of a million keys is through within a second.
pub const REDIS_SCAN_KEYS: u32 = 1_000;
/// Attempts at a lease that is taken away from a worker that writes it at the same time. Ours: workers write it a few
/// times a second at the most.
pub const FORCED_ATTEMPTS: u32 = 5;
/// How often leases are looked at within the failover time to see whether their application is running. Ours: a holder
/// renews them three times in that time.
pub const RUNNING_LOOKS: u32 = 12;
/// How long connecting to AWS may take. Ours; the SDK's is 3.1 s.
pub const AWS_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one call of AWS may take, 10 MiB over a slow line included. Ours; the KPL's `RequestTimeout` is 6 s.
pub const AWS_CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long finding a region, and then credentials, may take at start. Ours: without a network, asking for the role
/// of the machine would take longer.
pub const AWS_SETUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Memory that a lease file may use for what it read, in bytes. Ours: thousands of leases fit.
pub const LEASE_FILE_CACHE_BYTES: usize = 4 << 20;
/// Calls that may wait for a lease file, and that share one write to the disk. Ours.
pub const LEASE_FILE_QUEUE: usize = 1_024;
/// How long connecting to one node of Redis may take. Ours.
pub const REDIS_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one call of Redis may take, everything included. Ours: a renewal that fails leaves time for another within
/// [`FAILOVER`].
pub const REDIS_CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the first connection to Redis may take at start, a cluster's nodes included. Ours.
pub const REDIS_SETUP_TIMEOUT: Duration = Duration::from_secs(10);
/// First and longest pause before a connection to Redis that was lost is tried again. Ours.
pub const REDIS_BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Attempts at a new connection to Redis before whoever waits for it is told. Ours: the next call begins anew.
pub const REDIS_RECONNECTS: usize = 3;
/// How often a call follows a cluster to another node, or waits for one, before it fails. Ours.
pub const REDIS_CLUSTER_RETRIES: u32 = 5;
/// How long one call of DynamoDB may take. Ours, as for Redis; the service answers within milliseconds.
pub const DYNAMODB_CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a table of DynamoDB that was created may take to be active. Ours: the service needs seconds.
pub const TABLE_ACTIVE_WITHIN: Duration = Duration::from_secs(120);
/// How often a table that is not active yet is looked at. Ours.
pub const TABLE_ACTIVE_INTERVAL: Duration = Duration::from_millis(250);
/// Port of ingest unless told otherwise. Ours.
pub const INGEST_PORT: u16 = 4568;
/// Bytes of one request's body that ingest takes unless told otherwise. Ours: one PutRecords request as base64 in JSON.
pub const INGEST_BODY_BYTES: usize = 16 << 20;
/// Bytes of all bodies that ingest reads at once. Ours: it bounds the bodies in memory; others wait.
pub const INGEST_BODIES_BYTES: usize = 64 << 20;
/// Bytes of a body past its limit that ingest still reads, so that its client sees the refusal and not a broken
/// connection. Ours.
pub const INGEST_DRAINED_BYTES: usize = 64 << 20;
/// Connections of ingest at once; others wait to be accepted. Ours.
pub const INGEST_CONNECTIONS: usize = 1_024;
/// How long ingest waits for the head of a request, and then for its body. Ours: a stalled client gives its room back.
pub const INGEST_REQUEST_WAIT: Duration = Duration::from_secs(30);
/// How long a request waits for its documents to be on the stream unless it says otherwise. Ours.
pub const INGEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest such wait that a request may ask for. Ours: about what `attempts` take.
pub const INGEST_TIMEOUT_LONGEST: Duration = Duration::from_secs(900);
/// When a client that was told that a stream is full may come again. Ours: two lingers.
pub const INGEST_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Tickets that may wait to be watched over. Ours: the producer is full before.
pub const INGEST_TICKETS: usize = 1_024;
/// Pause after a connection could not be accepted, when the machine has no more handles for one. Ours.
pub const INGEST_ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of entries, data and keys, that a spool keeps unless told otherwise. Ours.
pub const SPOOL_BYTES: u64 = 1 << 30;
/// Memory that a spool's file may use for what it read, in bytes. Ours: it is read once, in order.
pub const SPOOL_CACHE_BYTES: usize = 4 << 20;
/// Bytes of the text for people that a dead letter has of its kind, and of its reason. Ours.
pub const DEAD_LETTER_REASON_BYTES: usize = 4 << 10;
/// Bytes of data that a dead letter repeats as text, for people. Ours: more is not read by eye, and must not make a
/// letter larger.
pub const DEAD_LETTER_TEXT_BYTES: usize = 16 << 10;
/// Dead letters whose parts are being gathered at once, while they are read from a stream. Ours.
pub const DEAD_LETTERS_IN_PARTS: usize = 64;
/// Dead letters that are read from a file, and taken out of it, in one step. Ours: each step writes the file anew.
pub const LETTERS_AT_ONCE: usize = 20_000;
/// Bytes of such letters; the last may go past it. Ours.
pub const LETTERS_AT_ONCE_BYTES: usize = 64 << 20;
/// Bytes of the longest line in a file of dead letters: 10 MiB of data in base64 and all the rest. Ours.
pub const LETTER_LINE_BYTES: u64 = 16 << 20;
/// How long a write to a file of dead letters waits for those of others. Ours: each takes moments.
pub const LETTER_FILE_LOCK_WITHIN: Duration = Duration::from_secs(30);
/// How often is looked whether the file of dead letters is free. Ours.
pub const LETTER_FILE_LOCK_LOOK: Duration = Duration::from_millis(5);
/// Bytes of dead letters in one call of Redis; a single one may be larger. Ours: it is through within
/// [`REDIS_CALL_TIMEOUT`].
pub const REDIS_PUSH_BYTES: usize = 8 << 20;
/// Dead letters that one call of Redis reads. Ours.
pub const REDIS_LETTERS: usize = 100;
/// Dead letters that are read ahead of whoever looks at them. Ours.
pub const LETTERS_AHEAD: usize = 16;
/// How often a stream of dead letters is polled at its tip by whoever looks at it. Ours.
pub const REDRIVE_LOOKS: Duration = Duration::from_millis(200);
/// How long nothing more may come from a stream of dead letters for it to count as read. Ours: far longer than a lease
/// takes to be had, or a shard to follow the one that it came from.
pub const REDRIVE_TIP: Duration = Duration::from_secs(3);
/// Dead letters that are redriven together, before it is waited for their acknowledgements. Ours.
pub const REDRIVE_LETTERS: usize = 500;
/// How long a stopping host may take to finish its batches. Ours.
pub const GRACE: Duration = Duration::from_secs(30);
/// How long a stream may take to be active before a command gives up. Ours: the service needs seconds.
pub const STREAM_ACTIVE_WITHIN: Duration = Duration::from_secs(120);
/// How often a stream that is not active yet is looked at. Ours: four of the twenty calls a second that it allows.
pub const STREAM_ACTIVE_INTERVAL: Duration = Duration::from_millis(250);
/// How often a running host logs how far its pipelines are. Ours.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// Reads of one shard that may wait for its handler unless the pipeline says otherwise; another one is being handled.
/// Ours, invariant I7.
pub const PREFETCH_READS: usize = 1;
/// Bytes of such reads unless the pipeline says otherwise. Ours: what one read may have; async-kinesis's
/// `max_queue_size` is 10,000 items.
pub const PREFETCH_BYTES: usize = GET_RECORDS_BYTES;

/// Bytes of its input that `tidemill put` reads at once. Ours.
pub const PUT_READ_BYTES: usize = 1 << 20;
/// Groups of lines of `tidemill put` that may wait to be settled. Ours: the producer is full before.
pub const PUT_GROUPS: usize = 1_024;
/// Failed lines that `tidemill put` names one by one before it only counts them. Ours.
pub const PUT_NAMED_FAILURES: u64 = 20;

/// Deployments of one part that are remembered, the current one included. Ours.
pub const DEPLOYMENTS_KEPT: usize = 50;
/// Characters of the reason for a deployment. Ours: all that are remembered of a part fit one item of DynamoDB.
pub const DEPLOYMENT_WHY_CHARS: usize = 1_000;
/// Shards of a canary. Ours, as above.
pub const CANARY_SHARDS: usize = 100;
/// Bytes of a component that can be deployed. Ours: twice the largest of an interpreter with its libraries.
pub const COMPONENT_BYTES: usize = 128 << 20;
/// Bytes of a piece in which a store keeps a component. DynamoDB: an item has 400 KB at the most.
pub const COMPONENT_PIECE_BYTES: usize = 350 << 10;
/// Pieces of a component that are under way to a store, or from it, at once. Ours: it bounds the memory.
pub const COMPONENT_PIECES_AT_ONCE: usize = 4;
/// How long Redis keeps a component of which not all pieces came. Ours: far longer than an upload takes.
pub const REDIS_HALF_UPLOAD_LIFE: Duration = Duration::from_secs(3_600);
/// Port of the admin API unless told otherwise. Ours.
pub const ADMIN_PORT: u16 = 4569;
/// Connections of the admin API at once; others wait to be accepted. Ours.
pub const ADMIN_CONNECTIONS: usize = 64;
/// How long a deployment waits for this host to have it run unless told otherwise. Ours: compiling takes about a second
/// for each megabyte.
pub const DEPLOY_WAIT: Duration = Duration::from_secs(120);
/// Longest such wait that may be asked for. Ours.
pub const DEPLOY_WAIT_LONGEST: Duration = Duration::from_secs(900);
/// How long a command waits for the connection to an admin API, and for an answer beyond what it asked to wait. Ours.
pub const ADMIN_ANSWER_WAIT: Duration = Duration::from_secs(30);
/// How often a command asks hosts how they are while it waits for them. Ours.
pub const ADMIN_ASK_AGAIN: Duration = Duration::from_millis(500);
/// Bytes of an admin API's answer that a command reads. Ours: a status of thousands of shards is a few megabytes.
pub const ADMIN_ANSWER_BYTES: usize = 64 << 20;
/// How often a host looks for what it is to run unless told otherwise. Ours: a call a second for two parts.
pub const DEPLOY_INTERVAL: Duration = Duration::from_secs(2);
/// Longest pause before a host asks a store of deployments again that failed. Ours.
pub const DEPLOY_LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long one call of a handler may take unless the pipeline says otherwise. Ours.
pub const HANDLER_DEADLINE: Duration = Duration::from_secs(5);
/// How long one call of a processor's component may take unless the pipeline says otherwise. Ours: it is given a whole
/// read, 10 MiB, at once.
pub const PROCESSOR_DEADLINE: Duration = Duration::from_secs(5);
/// Bytes of compiled components that are kept on disk. Ours: some Python components, or thousands of Rust.
pub const COMPILED_BYTES: u64 = 1 << 30;
/// Memory of one instance unless the pipeline says otherwise, in bytes. Ours: it fits a Python component.
pub const INSTANCE_BYTES: usize = 128 << 20;

/// Largest `MaxResults` of ListShards; more than [`LIST_SHARDS_RESULTS`] are not given. Service: ListShards.
pub const LIST_SHARDS_RESULTS_MAX: usize = 10_000;
/// ListShards calls a second on one stream. Service: ListShards.
pub const LIST_SHARDS_PER_SECOND: u32 = 1_000;
/// Largest `Limit` of DescribeStream. Service: DescribeStream.
pub const DESCRIBE_STREAM_SHARDS_MAX: usize = 10_000;
/// DescribeStream calls a second in one account. Service: DescribeStream.
pub const DESCRIBE_STREAM_PER_SECOND: u32 = 10;
/// DescribeStreamSummary calls a second in one account. Service: DescribeStreamSummary.
pub const DESCRIBE_SUMMARY_PER_SECOND: u32 = 20;
/// DescribeLimits calls a second in one account. Service: DescribeLimits.
pub const DESCRIBE_LIMITS_PER_SECOND: u32 = 1;
/// Calls a second in one account of each operation that makes, lists or reshards streams. Service: 5 for each.
pub const CONTROL_CALLS_PER_SECOND: u32 = 5;
/// GetShardIterator calls a second on one shard. Service: GetShardIterator.
pub const GET_SHARD_ITERATOR_PER_SECOND: u32 = 5;
/// Streams in one ListStreams response unless `Limit` says otherwise. Service: ListStreams, default 100.
pub const LIST_STREAMS_RESULTS: usize = 100;
/// Largest `Limit` of ListStreams. Service: ListStreams.
pub const LIST_STREAMS_RESULTS_MAX: usize = 10_000;
/// Largest target of UpdateShardCount. Service: UpdateShardCount, 10,000 shards.
pub const UPDATE_SHARD_COUNT_MAX: u32 = 10_000;
/// Calls of UpdateShardCount on one stream within [`UPDATE_SHARD_COUNT_SPAN`]. Service: 10 in 24 hours.
pub const UPDATE_SHARD_COUNT_CALLS: usize = 10;
/// The span that [`UPDATE_SHARD_COUNT_CALLS`] counts in. Service: rolling 24 hours.
pub const UPDATE_SHARD_COUNT_SPAN: Duration = Duration::from_secs(24 * 3600);
/// Shards of a new stream on demand. Service: four.
pub const ON_DEMAND_SHARDS: u32 = 4;
/// Characters in a stream's name or a shard's id. Service: 1 to 128.
pub const STREAM_NAME_CHARS: usize = 128;
/// Characters in a shard iterator. Service: 1 to 512.
pub const SHARD_ITERATOR_CHARS: usize = 512;
/// Tags of one stream. Service: 50.
pub const STREAM_TAGS: usize = 50;
/// Characters in the key of a tag. Service: 1 to 128.
pub const TAG_KEY_CHARS: usize = 128;
/// Characters in the value of a tag. Service: 0 to 256.
pub const TAG_VALUE_CHARS: usize = 256;
/// Characters in the id of an encryption key. Service: 1 to 2,048.
pub const KEY_ID_CHARS: usize = 2_048;
/// Account of the embedded Kinesis unless told otherwise. Ours; other emulators use it too.
pub const LOCAL_ACCOUNT: &str = "000000000000";
/// Region of the embedded Kinesis unless told otherwise. Ours.
pub const LOCAL_REGION: &str = "us-east-1";
/// Open shards in the embedded Kinesis unless told otherwise. Ours: the service's default was 500 for long.
pub const LOCAL_SHARD_LIMIT: u32 = 500;
/// How long a stream of the embedded Kinesis is being created, updated or deleted. Ours: clients see the state.
pub const LOCAL_TRANSITION: Duration = Duration::from_millis(50);
/// Digits of a hash key. Service: pattern `0|([1-9]\d{0,38})`.
pub const HASH_KEY_DIGITS: usize = 39;
/// Bytes of one request's body that the embedded Kinesis takes: [`PUT_RECORDS_BYTES`] in base64, with the JSON around
/// 500 entries whose keys are written in escapes. Ours.
pub const LOCAL_BODY_BYTES: usize = 16 << 20;
/// Requests that the embedded Kinesis works on at once; others wait. Ours: it bounds the bodies in memory.
pub const LOCAL_REQUESTS: usize = 64;
/// How long the embedded Kinesis waits for its connections when it stops. Ours.
pub const LOCAL_STOP: Duration = Duration::from_secs(5);
/// How long the embedded Kinesis waits for the body of a request. Ours: a stalled client gives its room back.
pub const LOCAL_BODY_WAIT: Duration = Duration::from_secs(30);
/// Bytes of a body past [`LOCAL_BODY_BYTES`] that the embedded Kinesis still reads, so that its client sees the
/// refusal and not a broken connection. Ours.
pub const LOCAL_BODY_DRAINED_BYTES: usize = 64 << 20;

/// Instances of all components that a worker may have at once. Ours: one a lane of each shard, for more than 1,000
/// shards; it costs address space alone until they are used, 5 GiB each of the 128 TiB that a process has on Linux.
pub const INSTANCES: u32 = 4_000;
/// Elements that the tables of one instance may have, all together, unless the pipeline says otherwise. Ours: toolchains
/// use a few thousand, an interpreter of Python some ten thousand.
pub const INSTANCE_TABLE_ELEMENTS: usize = 200_000;
/// Largest number of table elements that the settings may allow an instance. Ours: it is address space for each table.
pub const INSTANCE_TABLE_ELEMENTS_MAX: usize = 1_000_000;
/// Tables of one instance. Ours: toolchains make one for each module that they link.
pub const INSTANCE_TABLES: usize = 16;
/// Linear memories of one instance, which share its memory. Ours, as above.
pub const INSTANCE_MEMORIES: usize = 8;
/// Core modules in one component, each made once an instance. Ours: components of Python have some twenty.
pub const INSTANCE_MODULES: usize = 40;
/// Stack of a guest unless the settings say otherwise, in bytes. wasmtime's default.
pub const WASM_STACK_BYTES: usize = 512 << 10;
/// Largest stack of a guest that the settings may allow, in bytes. Ours: every instance reserves it.
pub const WASM_STACK_BYTES_MAX: usize = 64 << 20;
/// Stack that the host's own functions have above a guest's, in bytes. Ours: wasmtime's default, its guest's left out.
pub const HOST_STACK_BYTES: usize = 1536 << 10;
/// Bytes of an instance's memory that stay with the host for the next one. Ours: a page fault costs more than a page.
pub const INSTANCE_KEPT_BYTES: usize = 1 << 20;
/// WASI resources, such as clocks that wait, that one instance may hold at once. Ours.
pub const INSTANCE_RESOURCES: usize = 1_000;
/// How often a running guest is interrupted to let others run, and so how far past its deadline it may go. Ours.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// Turns of others, as long as [`EPOCH_TICK`], for one of a guest that runs for longer, as far as there are others that
/// wait. Ours: one that never ends takes a quarter of one core from those that are busy, and any number of them a quarter
/// of all cores.
pub const TURNS_OF_OTHERS: u32 = 3;
/// A yield that is over so soon let nobody run. Ours: it costs three microseconds or so by itself, and a batch of a
/// neighbour a dozen and more.
pub const NOBODY_WAITS: Duration = Duration::from_micros(8);
/// Such yields in a row that say that nobody waits on any thread. Ours: a fifth of a millisecond, of a turn of ten.
pub const QUICK_YIELDS: u32 = 64;
/// Bytes that a handler may emit for one batch unless the pipeline says otherwise: data, keys and names of sinks
/// together. Ours: half of what a producer holds.
pub const EMITTED_BYTES: usize = 16 << 20;
/// Documents that a handler may emit for one batch unless the pipeline says otherwise. Ours.
pub const EMITTED_DOCUMENTS: usize = 100_000;
/// Calls of the host that a guest may make in one call of its own, unless the pipeline says otherwise: logging,
/// configuration, metrics, positions and WASI together. Ours: a hundred for each record of the largest read.
pub const HOST_CALLS: u64 = 1_000_000;
/// Bytes of random numbers that a guest may ask for at once. Ours.
pub const GUEST_RANDOM_BYTES: u64 = 64 << 10;
/// Series of metrics that one component may have unless the pipeline says otherwise. Ours: a bound on what a label with
/// an id in it costs.
pub const GUEST_SERIES: usize = 200;
/// Labels of one series of a guest. Ours.
pub const GUEST_SERIES_LABELS: usize = 8;
/// Bytes of a name or a label's text in a guest's metrics. Ours.
pub const GUEST_SERIES_TEXT_BYTES: usize = 128;
/// Addresses that a component is refused and that the log tells of. Ours: after so many the pattern is clear.
pub const GUEST_REFUSALS: usize = 100;
/// Requests over HTTP that one instance may have under way. Ours: each holds a few buffers of the host.
pub const GUEST_HTTP_REQUESTS: usize = 32;
/// Bytes of a response's head, and of its body that the host holds before the guest reads on. Ours.
pub const GUEST_HTTP_BUFFER_BYTES: usize = 64 << 10;
/// Idle connections that the host keeps to one place for requests of guests. Ours.
pub const GUEST_HTTP_IDLE_CONNECTIONS: usize = 8;
/// How long the host keeps such a connection. Ours: shorter than servers do.
pub const GUEST_HTTP_IDLE: Duration = Duration::from_secs(30);
/// How long a guest's request may take to connect unless the guest says otherwise. Ours; its deadline holds besides.
pub const GUEST_HTTP_CONNECT: Duration = Duration::from_secs(3);
/// Bytes of the name of a sink in what a guest emits. Ours: as long as the names that settings may give.
pub const SINK_NAME_BYTES: usize = 64;
/// Lines a second that one instance may write to the log unless the pipeline says otherwise. Ours.
pub const GUEST_LOG_LINES: u32 = 100;
/// Bytes of one line of a guest in the log. Ours.
pub const GUEST_LOG_LINE_BYTES: usize = 4 << 10;
/// Bytes of what a guest wrote to stderr last that an error repeats. Ours.
pub const GUEST_LAST_WORDS_BYTES: usize = 1 << 10;

/// How far threads that compile stand back behind others, in steps of `nice`. Ours: a quarter of a busy core is left.
pub const COMPILER_NICE: i32 = 5;
/// How long a new component has to prove itself unless settings say otherwise. Ours: what comes once a minute shows.
pub const PROBATION: Duration = Duration::from_secs(300);
/// Batches in a hundred that may fail on a new component beyond those that failed before. Ours.
pub const MAX_ERROR_PERCENT: f64 = 5.0;
/// How many times as long as before a record may take on a new component. Ours.
pub const MAX_SLOWDOWN: f64 = 3.0;
/// Batches that are enough to judge a new component by. Ours.
pub const MIN_BATCHES: u64 = 50;
/// Mean time of a record that no component is too slow with, in nanoseconds. Ours: a core then handles 100,000 records a
/// second, and a shard takes 1,000.
pub const SLOW_RECORD_NANOS: u64 = 10_000;
/// Records of a batch that a new component is tried out on. Ours.
pub const SAMPLE_RECORDS: usize = 100;
/// Bytes of the records that a new component is tried out on. Ours.
pub const SAMPLE_BYTES: usize = 64 << 10;
/// How often records are copied to try out a new component on. Ours: it costs nothing that shows.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Instances of a new component that are made before anything meets it; more are made as they are needed. Ours.
pub const WARMED_INSTANCES: usize = 256;
/// Lines in the log about what goes wrong with one component on trial. Ours: the first few tell enough.
pub const TRIAL_LINES: u64 = 10;
