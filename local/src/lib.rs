//! AWS, as far as the relay needs it, inside one process: DynamoDB, SQS, S3 and Secrets Manager's
//! `GetSecretValue`, each over real HTTP on a loopback port of its own.
//!
//! The AWS SDKs, the AWS CLI and `cargo lambda watch` work against it unchanged, given
//! [`LocalAws::environment`]. `relay dev` runs it over a data directory; every test starts one in
//! memory.
//!
//! * DynamoDB is dynoxide (on SQLite), S3 is s3s-fs (on files); SQS is ours (`sqs`, which says why),
//!   and so are the twenty lines that answer for Secrets Manager.
//! * What was acknowledged is in the operating system's hands, so it survives `kill -9` of this
//!   process. A power cut may lose the last moments.
//! * Nothing listens beyond 127.0.0.1, signatures are not checked (S3's are), nothing is encrypted.

mod clients;
mod data;
mod dynamodb;
mod error;
mod options;
pub mod resources;
mod s3;
mod secrets;
mod server;
mod sqs;
mod urls;

use std::{sync::Arc, time::Duration};

pub use self::{
    clients::{ACCESS_KEY_ID, Clients, REGION, SECRET_ACCESS_KEY},
    error::LocalAwsError,
    options::{Options, Ports, QueueTimes, ResourceNames},
    urls::Urls,
};

/// The four services, running until [`stop`](Self::stop) or until this is dropped.
#[derive(Debug)]
pub struct LocalAws {
    urls: Urls,
    names: ResourceNames,
    sqs: Arc<sqs::Sqs>,
    servers: server::Servers,
    /// Declared last: the directory is given up after everything that writes to it.
    _data: data::DataDirectory,
}

impl LocalAws {
    /// Opens the data, binds the ports, creates the table, queues and bucket that are missing, and
    /// serves. Queue settings follow `options` at every start; an existing table is left as it is.
    pub async fn start(options: Options) -> Result<LocalAws, LocalAwsError> {
        let data = data::DataDirectory::open(options.data.as_deref())?;
        let dynamodb_port = server::Port::bind("DynamoDB", options.ports.dynamodb).await?;
        let sqs_port = server::Port::bind("SQS", options.ports.sqs).await?;
        let s3_port = server::Port::bind("S3", options.ports.s3).await?;
        let secrets_port = server::Port::bind("Secrets Manager", options.ports.secrets).await?;
        let urls = Urls {
            dynamodb: dynamodb_port.url(),
            sqs: sqs_port.url(),
            s3: s3_port.url(),
            secrets: secrets_port.url(),
        };

        let database = dynamodb::open(data.file("dynamodb.sqlite").as_deref())?;
        dynamodb::create_table(&database, &options.names.table)?;
        let mut servers = server::Servers::default();
        let sqs = Arc::new(sqs::Sqs::open(
            data.file("sqs.sqlite").as_deref(),
            urls.sqs.clone(),
            servers.stopping(),
        )?);
        for queue in resources::queues(&options.names, &options.queues) {
            sqs.declare(&queue)?;
        }
        let objects = s3::service(&data.objects(), &options.names.bucket)?;

        servers.serve_with(|stop| {
            dynoxide::server::serve_with_shutdown(dynamodb_port.listener, database, stop)
        });
        servers.serve(sqs_port, sqs::router(Arc::clone(&sqs)));
        servers.serve(s3_port, s3::router(objects));
        servers.serve(secrets_port, secrets::router(options.secret_values));
        Ok(LocalAws { urls, names: options.names, sqs, servers, _data: data })
    }

    /// Where each service listens.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The names the resources were created under.
    pub fn names(&self) -> &ResourceNames {
        &self.names
    }

    /// The URL of a queue, as its own `GetQueueUrl` answers it.
    pub fn queue_url(&self, queue: &str) -> String {
        self.sqs.queue_url(queue)
    }

    /// What a function's environment says: the SDK's endpoints and credentials, and the settings
    /// that the template would give. (Version 1 of the AWS CLI overrides SQS's endpoint by the region
    /// and needs `--endpoint-url` for that service.)
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let ResourceNames { table, bucket, master_key_secret, admin_key_secret, .. } =
            self.names.clone();
        vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", self.urls.dynamodb.clone()),
            ("AWS_ENDPOINT_URL_SQS", self.urls.sqs.clone()),
            ("AWS_ENDPOINT_URL_S3", self.urls.s3.clone()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.urls.secrets.clone()),
            ("AWS_REGION", REGION.to_owned()),
            // The AWS CLI and boto3 read only this one.
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("TABLE_NAME", table),
            ("BUCKET_NAME", bucket),
            ("INBOX_URL", self.queue_url(&self.names.inbox)),
            ("INBOX_DEAD_LETTERS_URL", self.queue_url(&self.names.inbox_dead_letters)),
            ("OUTBOX_URL", self.queue_url(&self.names.outbox)),
            ("DEAD_LETTERS_URL", self.queue_url(&self.names.dead_letters)),
            ("MASTER_KEY_SECRET", master_key_secret),
            ("ADMIN_KEY_SECRET", admin_key_secret),
        ]
    }

    /// SDK clients for these services.
    pub fn clients(&self) -> Clients {
        Clients::new(self.urls.clone())
    }

    /// Messages on a queue, without asking over HTTP: those that can be received now, and all of
    /// them, hidden and delayed ones too.
    pub fn queue_depth(&self, queue: &str) -> (i64, i64) {
        self.sqs.depth(queue)
    }

    /// Lets SQS's clock jump: delays, visibility timeouts and retention that end within `duration`
    /// end now, and waiting receives see it. The other services keep the machine's time.
    pub fn skip_queue_time(&self, duration: Duration) {
        self.sqs.skip_time(duration);
    }

    /// Stops accepting, answers what is running (a waiting receive answers empty), and returns when
    /// every server has ended.
    pub async fn stop(self) {
        self.servers.stop().await;
    }
}
