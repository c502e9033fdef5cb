//! The AWS services that the relay uses, inside one process: DynamoDB, SQS, S3, Secrets Manager
//! (`GetSecretValue` only) and a WebSocket API of API Gateway with its management API. Each is served
//! over HTTP on its own loopback port; the paths of the WebSocket API are for a server of the caller's.
//!
//! The AWS SDKs, the AWS CLI and `cargo lambda watch` work against these services unchanged once they
//! have the variables of [`LocalAws::environment`]. `relay dev` runs the services over a data
//! directory; tests run them in memory.
//!
//! * DynamoDB is dynoxide (on SQLite) and S3 is s3s-fs (on files). SQS and Secrets Manager are
//!   implemented here; the module `sqs` says why no library is used for SQS. The WebSocket API is
//!   tungstenite and the rules of API Gateway, which the module `websocket` lists.
//! * An acknowledged write has reached the operating system and therefore survives `kill -9` of this
//!   process. A power failure may lose the last writes.
//! * The services listen on 127.0.0.1 only and encrypt nothing. They answer requests that name a
//!   loopback host and are signed with the access key; the module `guard` says why.

mod clients;
mod clock;
mod data;
mod dynamodb;
mod error;
mod guard;
pub mod http;
mod in_process;
mod ledger;
mod options;
pub mod resources;
mod s3;
mod secrets;
mod server;
mod sqs;
mod urls;
pub mod websocket;

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use aws_smithy_runtime_api::{client::http::SharedHttpClient, shared::IntoShared};

pub use self::{
    clients::{AccessKey, Clients, REGION},
    data::private_directory,
    dynamodb::WriteCount,
    error::LocalAwsError,
    ledger::{Capacity, Ledger, Line, Stored},
    options::{Options, Ports, QueueTimes, ResourceNames},
    urls::Urls,
    websocket::{WebSocketApi, WebSocketLimits},
};

/// The services, running until [`stop`](Self::stop) or until this is dropped.
#[derive(Debug)]
pub struct LocalAws {
    urls: Urls,
    names: ResourceNames,
    key: AccessKey,
    dynamodb: dynamodb::Dynamodb,
    sqs: Arc<sqs::Sqs>,
    book: ledger::Book,
    websockets: WebSocketApi,
    in_process: in_process::InProcess,
    servers: server::Servers,
    /// The last field, so that the directory is released after everything that writes to it.
    _data: data::DataDirectory,
}

impl LocalAws {
    /// Opens the data directory, binds the ports, creates the table, queues and bucket that are
    /// missing, and serves. An existing table is left unchanged; existing queues get the settings of
    /// `options`.
    ///
    /// # Errors
    /// [`LocalAwsError`] if the directory is in use or unusable, a port is taken, or a resource cannot
    /// be created.
    pub async fn start(options: Options) -> Result<LocalAws, LocalAwsError> {
        let data = data::DataDirectory::open(options.data.as_deref())?;
        let dynamodb_port = server::Port::bind("DynamoDB", options.ports.dynamodb).await?;
        let sqs_port = server::Port::bind("SQS", options.ports.sqs).await?;
        let s3_port = server::Port::bind("S3", options.ports.s3).await?;
        let secrets_port = server::Port::bind("Secrets Manager", options.ports.secrets).await?;
        let websocket_port =
            server::Port::bind("WebSocket management", options.ports.websocket).await?;
        let urls = Urls {
            dynamodb: dynamodb_port.url(),
            sqs: sqs_port.url(),
            s3: s3_port.url(),
            secrets: secrets_port.url(),
            websocket: format!("{}/{}", websocket_port.url(), websocket::STAGE),
        };

        let book = ledger::Book::new(options.keeps_ledger);
        let clock = Arc::new(clock::ServiceClock::new(options.queue_clock_stands_still));
        let dynamodb = dynamodb::Dynamodb::open(
            data.file("dynamodb.sqlite")?.as_deref(),
            &options.names.table,
            Arc::clone(&clock),
            book.clone(),
        )?;
        let mut servers = server::Servers::default();
        let sqs = Arc::new(sqs::Sqs::open(
            data.file("sqs.sqlite")?.as_deref(),
            clock,
            book.clone(),
            urls.sqs.clone(),
            servers.stopping(),
        )?);
        for queue in resources::queues(&options.names, &options.queues) {
            sqs.declare(&queue)?;
        }
        let objects = s3::service(&data.objects(), &options.names.bucket, &options.access_key)?;

        let websockets = WebSocketApi::new(options.websocket_limits);
        let routers = [
            (&urls.dynamodb, dynamodb_port, dynamodb::router(dynamodb.clone())),
            (&urls.sqs, sqs_port, sqs::router(Arc::clone(&sqs))),
            (&urls.secrets, secrets_port, secrets::router(options.secret_values)),
            (&urls.websocket, websocket_port, websockets.management()),
        ];
        let key = options.access_key;
        let mut services = vec![(urls.s3.clone(), s3::router(objects.clone(), book.clone()))];
        let signed = |router: axum::Router| {
            router.layer(axum::middleware::from_fn_with_state(key.clone(), guard::signed))
        };
        for (url, port, router) in routers {
            services.push((url.clone(), router.clone()));
            servers.serve(port, signed(router));
        }
        servers.serve(s3_port, s3::router(objects, book.clone()));
        let in_process = in_process::InProcess::new(services, clients::over_tcp());
        let names = options.names;
        Ok(LocalAws {
            urls,
            names,
            key,
            dynamodb,
            sqs,
            book,
            websockets,
            in_process,
            servers,
            _data: data,
        })
    }

    /// The endpoint URL of each service.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The names of the table, bucket, queues and secrets.
    pub fn names(&self) -> &ResourceNames {
        &self.names
    }

    /// The URL of the queue named `queue`, equal to the answer of `GetQueueUrl`.
    pub fn queue_url(&self, queue: &str) -> String {
        self.sqs.queue_url(queue)
    }

    /// The WebSocket API, whose paths the caller serves.
    pub fn websockets(&self) -> &WebSocketApi {
        &self.websockets
    }

    /// The environment variables that a function needs: the SDK's endpoints and credentials, and the
    /// settings that the template sets on AWS. Version 1 of the AWS CLI ignores the endpoint of SQS
    /// and needs `--endpoint-url` for that service.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let ResourceNames { table, bucket, master_key_secret, admin_key_secret, .. } =
            self.names.clone();
        vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", self.urls.dynamodb.clone()),
            ("AWS_ENDPOINT_URL_SQS", self.urls.sqs.clone()),
            ("AWS_ENDPOINT_URL_S3", self.urls.s3.clone()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.urls.secrets.clone()),
            ("AWS_REGION", REGION.to_owned()),
            // The AWS CLI and boto3 read this variable and not AWS_REGION.
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.key.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.key.secret.clone()),
            ("TABLE_NAME", table),
            ("BUCKET_NAME", bucket),
            ("INBOX_URL", self.queue_url(&self.names.inbox)),
            ("OUTBOX_URL", self.queue_url(&self.names.outbox)),
            ("DEAD_LETTERS_URL", self.queue_url(&self.names.dead_letters)),
            ("LIVE_QUEUE_URL", self.queue_url(&self.names.live)),
            ("LIVE_DEAD_LETTERS_URL", self.queue_url(&self.names.live_dead_letters)),
            ("WEBSOCKET_URL", self.urls.websocket.clone()),
            ("MASTER_KEY_SECRET", master_key_secret),
            ("ADMIN_KEY_SECRET", admin_key_secret),
        ]
    }

    /// A factory of SDK clients of these services that are in this process, as this is: no socket lies
    /// between. Requests to other URLs go over plain TCP.
    pub fn inner_clients(&self) -> Clients {
        self.clients().with_http_client(self.inner_http())
    }

    /// The HTTP client of [`inner_clients`](Self::inner_clients). A test wraps it in one that delays, drops or
    /// falsifies.
    pub fn inner_http(&self) -> SharedHttpClient {
        self.in_process.clone().into_shared()
    }

    /// A factory of SDK clients of these services, over their ports.
    pub fn clients(&self) -> Clients {
        Clients::new(self.urls.clone(), self.key.clone())
    }

    /// The number of messages on a queue, read without HTTP: messages that can be received now, and
    /// all messages including hidden and delayed ones. Both are 0 if there is no such queue.
    pub fn queue_depth(&self, queue: &str) -> (i64, i64) {
        self.sqs.depth(queue)
    }

    /// Receives every message of a queue that is visible now, which hides them as any receive does. The
    /// bodies, in the order in which they came.
    ///
    /// # Panics
    /// Panics if there is no such queue.
    pub async fn receive_all(&self, queue: &str) -> Vec<String> {
        let (sqs, url) = (self.clients().sqs(), self.queue_url(queue));
        let mut bodies = Vec::new();
        loop {
            let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let messages = receive.send().await.expect("received").messages.unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            bodies.extend(messages.into_iter().filter_map(|message| message.body));
        }
    }

    /// The ledger since the start. Empty unless [`Options::keeps_ledger`] was set.
    pub fn ledger(&self) -> Ledger {
        self.book.read()
    }

    /// The number of requests to DynamoDB since the start that may have changed something.
    pub fn table_writes(&self) -> WriteCount {
        self.dynamodb.writes()
    }

    /// The contents of the table and its indexes now.
    ///
    /// # Errors
    /// [`LocalAwsError::Resource`] if the table cannot be read.
    pub fn stored(&self) -> Result<Stored, LocalAwsError> {
        self.dynamodb.stored()
    }

    /// Lets the indexes of the table lag, and reads that are not consistent: from now on they show each write
    /// only after a time within `late`, which differs from item to item. Zero ends that. The time is that of SQS, which
    /// [`skip_queue_time`](Self::skip_queue_time) moves.
    ///
    /// # Errors
    /// [`LocalAwsError::Resource`] if the table cannot be copied.
    pub fn lag_indexes(&self, late: RangeInclusive<Duration>) -> Result<(), LocalAwsError> {
        self.dynamodb.lag_indexes(&late)
    }

    /// Moves the clock of SQS forward by `duration`. Delays, visibility timeouts and retention periods
    /// that end within `duration` end now, and waiting receives wake. Indexes that lag show what is that
    /// much older. The other services keep the machine's time.
    pub fn skip_queue_time(&self, duration: Duration) {
        self.sqs.skip_time(duration);
    }

    /// Closes the WebSocket connections, stops accepting requests, answers the running ones and returns
    /// when every server has ended. A waiting `ReceiveMessage` returns no messages. What is still running
    /// after 2 s is aborted.
    pub async fn stop(self) {
        let end = tokio::time::Instant::now() + server::DRAIN;
        let _ = tokio::time::timeout_at(end, self.websockets.stop()).await;
        self.servers.stop(end).await;
    }
}
