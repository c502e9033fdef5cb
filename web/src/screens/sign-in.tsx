// Signing in: by a link of `relay open`, or with an API key that is changed for a session at once.

import { useState } from "preact/hooks";
import { useAction } from "../core/action";
import { useTitle } from "../core/router";
import { farewell, signInWithKey } from "../core/session";
import { useStore } from "../core/store";
import { Button, Code } from "../ui/basics";
import { TextField } from "../ui/fields";
import { ActionError } from "../ui/states";

export function SignIn() {
  useTitle("Sign in");
  const why = useStore(farewell);
  const [key, setKey] = useState("");
  const signIn = useAction(async () => signInWithKey(key));
  const refused = signIn.failure?.kind === "signed-out";
  return (
    <main id="main" class="sign-in">
      <h1>relay</h1>
      {why && <p class="notice warn" role="status">{why}</p>}
      <form
        class="form card"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn.run();
        }}
      >
        <TextField
          label="API key"
          type="password"
          value={key}
          change={setKey}
          help="It is changed for a session of at most 12 hours, and not kept."
          error={refused ? "The relay does not know this key." : undefined}
        />
        {!refused && <ActionError failure={signIn.failure} />}
        <div><Button type="submit" kind="primary" busy={signIn.busy} disabled={!key.trim()}>Sign in</Button></div>
      </form>
      <div class="sign-in-more">
        <p>Or open this page from a terminal that has a key:</p>
        <Code text="relay open" />
      </div>
    </main>
  );
}
