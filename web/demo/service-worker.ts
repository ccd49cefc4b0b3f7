// Keeps the page usable without a network after the first visit. The build inserts the names and the version.

const files = "%FILES%".split(" ");
// All pages of a host share its caches, and several may lie in different folders.
const cachesOfPage = `channelwise ${location.pathname} `;
const cacheName = `${cachesOfPage}%VERSION%`;
const folder = new URL("./", location.href).href;

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
  // Files outside the page's folder belong to other pages of the host.
  if (request.method === "GET" && request.url.startsWith(folder)) {
    (event as FetchEvent).respondWith(answer(event as FetchEvent));
  }
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

async function answer(event: FetchEvent): Promise<Response> {
  const { request } = event;
  // Files with a hash in their names never change their contents.
  const kept = request.url.startsWith(`${folder}assets/`) && (await stored(request));
  if (kept) return kept;
  try {
    const response = await fetch(request);
    // Only whole files are kept, and none twice because of a query.
    const canKeep = response.status === 200 && request.mode !== "navigate" && !request.url.includes("?");
    if (canKeep) event.waitUntil(keep(request, response.clone()));
    return response;
  } catch (error) {
    const offline = await stored(request.mode === "navigate" ? "index.html" : request);
    if (offline === undefined) throw error;
    return offline;
  }
}

/** The response in the cache; undefined if the browser does not allow storage. */
async function stored(request: RequestInfo): Promise<Response | undefined> {
  try {
    return await (await caches.open(cacheName)).match(request, { ignoreSearch: true });
  } catch {
    return undefined;
  }
}

async function keep(request: Request, response: Response) {
  try {
    await (await caches.open(cacheName)).put(request, response);
  } catch {
    // There is no room: it is fetched again next time.
  }
}

export {};
