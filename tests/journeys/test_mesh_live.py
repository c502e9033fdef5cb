"""S1: its browsers' live view, played by its own clients with its own options, and without one status request."""

import time
from collections.abc import Iterator

import pytest
from ground import covers
from test_mesh import Mesh

from support.live import SocketIoClient
from support.process import wait_until


class LiveMesh(Mesh):
    """The mesh service with its browsers."""

    def prepare(self) -> None:
        super().prepare()
        self._clients: list[SocketIoClient] = []

    def finish(self) -> None:
        for client in self._clients:
            client.end()

    def token(self, **about: object) -> str:
        """A token for one job, project or batch, as the service's back end asks for it."""
        return self.relay.call("POST", "/v1/live/tokens", about)["token"]

    def register(self, name: str, **more: object) -> None:
        job = {"source": "modal-mesh", "external_id": name, "project_id": "42", **more}
        self.relay.call("POST", "/v1/jobs", job)

    def log(self, name: str, first: int, lines: list[str], stream: str = "stdout") -> None:
        batch = {"stream": stream, "first_seq": first, "lines": lines}
        self.relay.call("POST", f"/v1/jobs/{name}/logs", batch)

    def connect(self, kind: str, token: str, *transports: str) -> SocketIoClient:
        client = SocketIoClient(kind, f"{self.relay.url}/live", token, *transports)
        self._clients.append(client)
        return client

    def connected(self, kind: str, token: str) -> SocketIoClient:
        client = self.connect(kind, token)
        client.wait_for("connect")
        return client


@pytest.fixture(scope="module")
def mesh(relay, receiver) -> Iterator[LiveMesh]:
    mesh = LiveMesh(relay, receiver)
    mesh.prepare()
    yield mesh
    mesh.finish()


CLIENTS = pytest.mark.parametrize("kind", ["node", "python"])


@CLIENTS
@covers("R1.8", "R1.9", "R1.10", "R1.11", "R1.12", "R1.17")
def test_lines_come_one_by_one_and_the_end_without_a_status_request(mesh, kind):
    job = f"modal-{kind}-1"
    mesh.register(job)
    client = mesh.connected(kind, mesh.token(job=job))
    client.emit("subscribe_logs", job_id=job, project_id="42")
    subscribed = client.wait_for("subscribed")[0]
    assert (subscribed["job_id"], subscribed["status"], subscribed["type"]) == (job, "started", "modal")
    lines = [f"[INFO] element {number}" for number in range(1, 9)]
    for number, line in enumerate(lines, 1):
        mesh.log(job, number, [line])
    client.wait_for_lines(lines)
    assert all(event["job_id"] == job and event["timestamp"].endswith("Z") for event in client.heard("log_line"))
    assert mesh.post(mesh.payload(job)).status == 200
    completed = client.wait_for("job_completed")[0]
    assert (completed["job_id"], completed["project_id"], completed["status"]) == (job, "42", "completed")
    assert completed["result"]["s3_output_path"] == f"s3://meshes/{job}.msh"
    assert len(client.heard("job_completed")) == 1 and not client.heard("error")


@CLIENTS
@covers("R1.9", "R1.10")
def test_a_project_hears_of_failures_and_progress_of_its_jobs(mesh, kind):
    job, project = f"local-{kind}-2", f"project-{kind}"
    mesh.register(job, project_id=project)
    client = mesh.connected(kind, mesh.token(project=project))
    client.emit("subscribe_project", project_id=project)
    assert client.wait_for("subscribed_project") == [{"project_id": project}]
    time.sleep(2.5)  # Those who tell look every two seconds who watches.
    assert mesh.post({"job_id": job, "status": "progress", "progress": 40, "message": "meshing"}).status == 200
    progress = client.wait_for("job_progress")[0]
    assert (progress["job_id"], progress["progress"], progress["message"]) == (job, 40, "meshing")
    assert mesh.post(mesh.payload(job, "failed")).status == 200
    failed = client.wait_for("job_failed")[0]
    assert (failed["job_id"], failed["project_id"]) == (job, project)
    assert "no elements in volume 1" in failed["error"]


@covers("R1.7", "R1.8")
def test_of_two_subscribers_of_a_job_one_leaves_and_the_other_hears_on(mesh):
    job = "modal-two"
    mesh.register(job)
    clients = [mesh.connected(kind, mesh.token(job=job)) for kind in ("node", "python", "node")]
    for client in clients:
        client.emit("subscribe_logs", job_id=job)
        client.wait_for("subscribed")
    mesh.log(job, 1, ["first"])
    for client in clients:
        client.wait_for_lines(["first"])
    clients[0].emit("unsubscribe_logs", job_id=job)
    assert clients[0].wait_for("unsubscribed") == [{"job_id": job}]
    clients[2].end()
    mesh.log(job, 2, ["second"])
    clients[1].wait_for_lines(["first", "second"])
    assert clients[0].lines() == ["first"]


@covers("R1.9", "R1.10")
def test_who_comes_late_sees_the_newest_thousand_lines_and_the_end(mesh):
    job = "modal-late"
    mesh.register(job)
    lines = [f"line {number}" for number in range(1, 1501)]
    for first in range(0, 1500, 500):
        mesh.log(job, first + 1, lines[first : first + 500])
    assert mesh.post(mesh.payload(job, "failed")).status == 200
    mesh.wait_for_job(job, "failed")
    for kind in ("node", "python"):
        client = mesh.connected(kind, mesh.token(job=job))
        client.emit("subscribe_logs", job_id=job)
        client.wait_for("job_failed")
        client.wait_for_lines(lines[500:])
        assert client.heard("subscribed")[0]["warning"] == "the job has ended"


@covers("R1.11")
def test_who_is_cut_off_reconnects_and_subscribes_again(mesh):
    job = "modal-back"
    mesh.register(job)
    client = mesh.connected("node", mesh.token(job=job))
    client.emit("subscribe_logs", job_id=job)
    client.wait_for("subscribed")
    mesh.log(job, 1, ["before"])
    client.wait_for_lines(["before"])
    url, port = mesh.relay.url, mesh.relay.url.rsplit(":", 1)[1]
    mesh.relay.kill()
    client.wait_for("disconnect")
    mesh.relay.start(int(port))
    assert mesh.relay.url == url
    client.wait_for("connect", 2)
    client.wait_for("subscribed", 2)
    mesh.log(job, 2, ["after"])
    # A client of Socket.IO is sent the newest lines again, and its front end begins its view anew.
    wait_until("the line after", lambda: "after" in client.lines())
    assert client.lines() == ["before", "before", "after"]


@covers("R1.15", "R1.18")
def test_what_a_client_may_not_hear_or_do_is_said(mesh):
    mesh.register("modal-own", project_id="own")
    mesh.register("modal-other", project_id="other")
    client = mesh.connected("node", mesh.token(project="own"))
    for number, wanted in enumerate(
        [
            ("subscribe_project", {"project_id": "other"}),
            ("subscribe_logs", {"job_id": "modal-other"}),
            ("subscribe_logs", {"job_id": "nobody"}),
            ("join_batch", {"batch_id": "nobody"}),
        ],
        1,
    ):
        client.emit(wanted[0], **wanted[1])
        error = client.wait_for("error", number)[-1]
        assert (error["code"], error["action"]) == ("not_found", wanted[0])
    client.emit("subscribe_job", job_id="modal-own")
    assert "did you mean `subscribe_logs`" in client.wait_for("error", 5)[-1]["message"] or client.heard("error")[-1]["code"] == "unknown_action"
    assert not client.heard("disconnect")


@covers("R1.11", "R1.15")
def test_without_a_good_token_or_with_polling_first_there_is_no_connection(mesh):
    for token in ("", "rlv1_x.y", mesh.relay.admin):
        client = mesh.connect("node", token)
        client.wait_for("connect_error")
        client.end()
    expired = mesh.token(project="42", ttl=1)
    time.sleep(1.5)
    client = mesh.connect("node", expired)
    client.wait_for("connect_error")
    client.end()
    client = mesh.connect("node", mesh.token(project="42"), "polling", "websocket")
    client.wait_for("connect_error")
    client.end()
    # `websocket` first needs no change.
    assert mesh.connected("node", mesh.token(project="42"))
