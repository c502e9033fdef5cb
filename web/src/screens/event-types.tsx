// Not built yet.

import { Head } from "../ui/basics";

export default function Screen(_: { parts: Record<string, string> }) {
  return <Head title="event-types" />;
}
