//! The API below the path of its public URL, where an API mapping serves it.

use super::*;

#[tokio::test]
async fn below_the_base_path_of_its_public_url_every_contract_answers() {
    let relay = Relay::start().await;
    let mut based = Relay::start().await;
    let clients = based.aws.clients();
    based.router = router(parts::control(&based.aws, &clients, "https://api.example.com/hooks"));
    based.post("/hooks/api/v1/app", json!({ "name": "acme", "uid": "acme" })).await.expect(201);
    based.get("/hooks/api/v1/app/acme").await.expect(200);
    based.get("/hooks/v1/jobs?limit=1").await.expect(200);
    based.get("/hooks/openapi.json").await.expect(200);
    // By the address of API Gateway itself there is no base path.
    based.get("/api/v1/app/acme").await.expect(200);
    for path in ["/hooks/hooks/v1/jobs", "/hooksv1/jobs", "/hooks/hooks"] {
        based.get(path).await.expect(404);
    }
    let unknown = based.get("/hooks/api/v1/nothing").await;
    assert_eq!(unknown.text, relay.get("/api/v1/nothing").await.text, "in the contract's shape");
    // Each route keeps its scope.
    let key = based.key("read", None).await;
    based.ask(&key, Method::GET, "/hooks/v1/sources", Body::empty()).await.expect(200);
    based.ask(&key, Method::DELETE, "/hooks/v1/sources/x", Body::empty()).await.expect(403);
}
