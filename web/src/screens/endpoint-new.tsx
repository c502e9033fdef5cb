// Creating an endpoint.

import { go, useTitle } from "../core/router";
import { useApplication } from "../core/scope";
import { may } from "../core/session";
import { Head } from "../ui/basics";
import { EndpointForm } from "../ui/endpoint/form";
import { Forbidden } from "../ui/forbidden";

export default function NewEndpoint() {
  useTitle("New endpoint");
  const application = useApplication();
  return (
    <>
      <Head title="New endpoint" above={{ href: "/endpoints", title: "Endpoints" }} />
      {may("admin", "ManageEndpoint")
        ? <EndpointForm application={application} cancel="/endpoints" done={(id) => go(`/endpoints/${encodeURIComponent(id)}?created=1`, true)} />
        : <Forbidden />}
    </>
  );
}
