//! The judged address is the dialled one, whatever a name, a redirect or the environment says: a canary
//! on loopback counts who comes.

use std::{
    io::Write,
    net::{Ipv4Addr, Ipv6Addr},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use domain::{address::Network, time::Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls::pki_types::PrivateKeyDer};

use super::*;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));

/// A listener that counts connections and says 200 to whatever comes.
struct Canary {
    port: u16,
    came: Arc<AtomicUsize>,
}

impl Canary {
    async fn start() -> Self {
        let came = Arc::new(AtomicUsize::new(0));
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
        let port = four.local_addr().expect("bound").port();
        // Where there is IPv6, it sings there too.
        let six = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
        for listener in [Some(four), six].into_iter().flatten() {
            let came = Arc::clone(&came);
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    came.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            });
        }
        Self { port, came }
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

/// A caller under the rule of a deployed stack whose names have these addresses, one answer after the
/// other and then the last again; and how often it was asked.
fn caller(rule: Rule, answers: Vec<Vec<IpAddr>>) -> (Caller, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let names = move |_, port| -> AddressLookup {
        let turn = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let found = answers[turn].iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        Box::pin(std::future::ready(Ok(found)))
    };
    (Caller { names: Arc::new(names), ..Caller::new(rule) }, asked)
}

async fn post(caller: &Caller, url: &str) -> CallResult {
    let (timeout, now) = (Duration::from_millis(400), Timestamp::from_secs(1_700_000_000));
    caller
        .post(OutboundCall {
            url,
            headers: HeaderMap::new(),
            body: b"{}".to_vec(),
            timeout,
            now,
            label: None,
        })
        .await
}

fn report(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

const FORBIDDEN: CallOutcome = CallOutcome::Failed(ErrorClass::ForbiddenAddress);

#[tokio::test]
async fn no_spelling_of_an_address_reaches_the_canary() {
    let canary = Canary::start().await;
    let port = canary.port;
    let (strict, asked) = caller(Rule::default(), vec![vec![LOOPBACK]]);
    let spellings = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "0x0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "metadata.google.internal",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "168.63.129.16",
        "１２７.０.０.１",
        "127。0。0。1",
        "%31%32%37.0.0.1",
    ];
    let mut refused = 0;
    for host in spellings {
        for url in [
            format!("http://{host}:{port}/"),
            format!("https://{host}:{port}/"),
            format!("https://a@{host}:{port}/"),
            format!("https://example.com@{host}:{port}/"),
            format!("https://example.com:b@{host}:{port}/"),
        ] {
            let outcome = post(&strict, &url).await.outcome;
            assert_eq!(outcome, FORBIDDEN, "{url}");
            refused += 1;
        }
    }
    for url in [
        format!("http://example.com:{port}/"),
        format!("ftp://example.com:{port}/"),
        format!("file://localhost:{port}/etc/passwd"),
        format!("gopher://127.0.0.1:{port}/_GET"),
        format!("https://example.com:{port}\\@127.0.0.1/"),
        format!("//127.0.0.1:{port}/"),
        format!("redis://127.0.0.1:{port}/a"),
        format!("rediss://localhost:{port}/a"),
    ] {
        assert_eq!(post(&strict, &url).await.outcome, FORBIDDEN, "{url}");
        refused += 1;
    }
    report(&format!("addresses: {refused} of {refused} spellings refused, {} came", canary.came()));
    assert_eq!(
        (canary.came(), asked.load(Ordering::SeqCst)),
        (0, 1),
        "one is a name, and is judged"
    );
}

#[tokio::test]
async fn no_answer_for_a_name_leads_to_the_canary() {
    let canary = Canary::start().await;
    let six = |text: &str| IpAddr::V6(text.parse().expect("an address"));
    let url = format!("https://customer.example:{}/hook", canary.port);
    // What a name, or the last one of its CNAMEs, has.
    for found in [
        vec![LOOPBACK],
        vec![PUBLIC, LOOPBACK],
        vec![LOOPBACK, PUBLIC],
        vec![PUBLIC, six("::1")],
        vec![six("::ffff:127.0.0.1")],
        vec![six("64:ff9b::7f00:1")],
        vec![six("2002:7f00:1::")],
        vec![six("::1")],
        vec![six("fe80::1")],
        vec![six("fd00:ec2::254")],
        vec![Ipv4Addr::new(169, 254, 169, 254).into()],
        vec![Ipv4Addr::new(10, 0, 0, 1).into(), PUBLIC],
        vec![Ipv4Addr::UNSPECIFIED.into()],
    ] {
        let (strict, asked) = caller(Rule::default(), vec![found.clone()]);
        assert_eq!(post(&strict, &url).await.outcome, FORBIDDEN, "{found:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "asked once");
    }
    let (nobody, _) = caller(Rule::default(), vec![Vec::new()]);
    assert_eq!(post(&nobody, &url).await.outcome, CallOutcome::Failed(ErrorClass::Dns));
    assert_eq!(canary.came(), 0);
}

#[tokio::test]
async fn a_name_that_is_rebound_after_it_was_judged_is_not_asked_again() {
    let canary = Canary::start().await;
    let url = format!("https://rebinding.example:{}/hook", canary.port);
    for _ in 0..20 {
        // The first answer may be dialled; nobody answers there within the deadline.
        let (strict, asked) = caller(Rule::default(), vec![vec![PUBLIC], vec![LOOPBACK]]);
        let outcome = post(&strict, &url).await.outcome;
        assert!(
            matches!(outcome, CallOutcome::Failed(class) if class != ErrorClass::ForbiddenAddress)
        );
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        // The next call asks anew, and what it hears is judged anew.
        assert_eq!(post(&strict, &url).await.outcome, FORBIDDEN);
    }
    assert_eq!(canary.came(), 0);
}

#[tokio::test]
async fn a_resolver_that_never_answers_meets_the_deadline() {
    let names = |_, _| -> AddressLookup { Box::pin(std::future::pending()) };
    let caller = Caller { names: Arc::new(names), ..Caller::new(Rule::default()) };
    let outcome = post(&caller, "https://slow.example/").await.outcome;
    assert_eq!(outcome, CallOutcome::Failed(ErrorClass::Timeout));
}

#[tokio::test]
async fn no_redirect_leads_anywhere() {
    let canary = Canary::start().await;
    for status in [301, 302, 303, 307, 308] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let to = format!("http://127.0.0.1:{}/", canary.port);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!(
                "HTTP/1.1 {status} Moved\r\nlocation: {to}\r\nrefresh: 0; url={to}\r\ncontent-length: 0\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes()).await;
        });
        let (trusting, _) = caller(loopback(), vec![vec![LOOPBACK]]);
        let outcome = post(&trusting, &url).await.outcome;
        assert_eq!(
            outcome,
            CallOutcome::Answered { status, retry_after: None },
            "an answer, no success"
        );
    }
    assert_eq!(canary.came(), 0);
}

fn loopback() -> Rule {
    Rule { allowed: Network::parse_list("127.0.0.0/8").expect("a network"), ..Rule::default() }
}

/// Run by the next test as a process of its own, and harmless by itself.
#[tokio::test]
async fn a_call_arrives_where_it_was_sent() {
    let subscriber = Canary::start().await;
    let (trusting, _) = caller(loopback(), vec![vec![LOOPBACK]]);
    let outcome = post(&trusting, &format!("http://127.0.0.1:{}/", subscriber.port)).await.outcome;
    assert_eq!(outcome, CallOutcome::Answered { status: 200, retry_after: None });
    assert_eq!(subscriber.came(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_of_the_environment_are_not_used() {
    let canary = Canary::start().await;
    let proxy = format!("http://127.0.0.1:{}", canary.port);
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    child.args(["--exact", "caller::addresses::a_call_arrives_where_it_was_sent"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
    {
        child.env(name, &proxy);
    }
    let run = tokio::task::spawn_blocking(move || child.output()).await.expect("ran");
    let run = run.expect("a process");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    assert!(String::from_utf8_lossy(&run.stdout).contains("1 passed"), "it did run");
    assert_eq!(canary.came(), 0);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_before_anything_is_sent() {
    let made = rcgen::generate_simple_self_signed(["right.example".to_owned()]).expect("made");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = listener.local_addr().expect("bound").port();
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if stream.read(&mut [0; 4096]).await.is_ok_and(|read| 0 < read) {
                seen.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        }
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (mut trusting, _) = caller(loopback(), vec![vec![LOOPBACK]]);
    let untrusting = trusting.clone();
    trusting.tls = TlsConnector::from(Arc::new(client));
    let ask = async |caller: &Caller, host: &str| {
        post(caller, &format!("https://{host}:{port}/")).await.outcome
    };
    let success = CallOutcome::Answered { status: 200, retry_after: None };
    assert_eq!(ask(&trusting, "right.example").await, success);
    let refused = CallOutcome::Failed(ErrorClass::Tls);
    for host in ["wrong.example", "right.example.org", "127.0.0.1"] {
        assert_eq!(ask(&trusting, host).await, refused, "{host}");
    }
    assert_eq!(ask(&untrusting, "right.example").await, refused, "an issuer nobody knows");
    assert_eq!(requests.load(Ordering::SeqCst), 1, "nothing is sent to the others");
}
