interface TrustedTypes {
  createPolicy(name: string, policy: { createScriptURL(address: string): string }): unknown;
}

/** Some browsers lack this, and so does TypeScript's library. */
declare const trustedTypes: TrustedTypes | undefined;

/**
 * Allows workers to be started under a policy that requires trusted types: those whose script is the page's own. Must
 * be called once, by the page and by each worker that starts others.
 */
export function trustOwnScripts() {
  if (typeof trustedTypes === "undefined") return;
  trustedTypes.createPolicy("default", {
    createScriptURL(address) {
      if (new URL(address, location.href).origin === location.origin) return address;
      throw new TypeError(`${address} is not a script of this page`);
    },
  });
}
