// Imports every entry and tells what that alone has used.

/** @type {string[]} */
const used = [];

/**
 * @param {object} owner
 * @param {string} name
 */
function watch(owner, name) {
  const watched = new Proxy(Reflect.get(owner, name), {
    apply(target, self, args) {
      used.push(name);
      return Reflect.apply(target, self, args);
    },
    construct(target, args) {
      used.push(name);
      return Reflect.construct(target, args);
    },
  });
  Object.defineProperty(owner, name, { value: watched });
}

for (const name of Object.getOwnPropertyNames(WebAssembly)) watch(WebAssembly, name);
for (const name of ["fetch", "DecompressionStream", "setTimeout", "queueMicrotask", "Blob"]) watch(globalThis, name);
const globals = Object.getOwnPropertyNames(globalThis);

await import("channelwise");
await import("channelwise/slim");
await import("channelwise/npy");
await import("channelwise/text");
await import("channelwise/parallel");
await import("channelwise/models");
await import("channelwise/embeddings");
await import("channelwise/recall");
const added = Object.getOwnPropertyNames(globalThis).filter((name) => !globals.includes(name));
console.log(JSON.stringify({ used, added }));
