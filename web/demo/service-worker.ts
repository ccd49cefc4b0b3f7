// Keeps the page usable without a network after the first visit. The build writes the names and the version in.

const files = "%FILES%".split(" ");
// Caches are shared by all pages of a host, where several may lie in different folders.
const cachesOfPage = `channelwise ${location.pathname} `;
const cacheName = `${cachesOfPage}%VERSION%`;

interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

declare const skipWaiting: () => Promise<void>;
declare const clients: { claim(): Promise<void> };

addEventListener("install", (event) => {
  (event as ExtendableEvent).waitUntil(install());
});

addEventListener("activate", (event) => {
  (event as ExtendableEvent).waitUntil(activate());
});

addEventListener("fetch", (event) => {
  const { request } = event as FetchEvent;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  (event as FetchEvent).respondWith(answer(request));
});

async function install() {
  const cache = await caches.open(cacheName);
  await cache.addAll(files);
  await skipWaiting();
}

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(cachesOfPage) && name !== cacheName);
  await Promise.all(old.map((name) => caches.delete(name)));
  await clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  // Names with a hash in them never change their contents.
  const kept = /\/assets\//.test(request.url) && (await cache.match(request));
  if (kept) return kept;
  try {
    const response = await fetch(request);
    if (response.ok && request.mode !== "navigate") await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const stored = await cache.match(request.mode === "navigate" ? "index.html" : request);
    if (stored === undefined) throw error;
    return stored;
  }
}

export {};
