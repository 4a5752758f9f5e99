/*
 * Hits wait here until they are sent, many in one request. What the collector
 * could not take is sent again: the id of a hit makes sure that it counts once.
 */
const script = document.currentScript;
const collector = script.dataset.collector || new URL('.', script.src).href;
const address = collector.replace(/\/?$/, '/b');

const MOST_WAITING = 100; // the oldest go first, should the collector be away for long
const MOST_IN_ONE = 10; // browsers take 64 KiB of requests that outlive their page
const LONGEST_URL = 2048;
const FIRST_PAUSE_S = 5; // doubles as long as nobody answers

let waiting = [];
let pause_s = FIRST_PAUSE_S;
let later; // the timer of the next try

export const page = () => {
  const { origin, pathname, search, hash } = location;
  return (origin + pathname + search + ('hash' in script.dataset ? hash : '')).slice(0, LONGEST_URL);
};

const id = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('');

// Adds a hit to those that wait. `fields` may say another url.
export const hit = (kind, fields) => {
  waiting.push({
    site: script.dataset.site, id: id(), kind, url: page(), at: Date.now(), screen: screen.width, ...fields,
  });
  waiting = waiting.slice(-MOST_WAITING);
};

const again = (hits, seconds) => {
  waiting = hits.concat(waiting).slice(-MOST_WAITING);
  pause_s *= 2;
  later = later || setTimeout(() => {
    later = 0;
    flush();
  }, (seconds || pause_s) * 1000);
};

// Sends all that waits. `leaving`: the page may be gone before an answer comes.
export const flush = (leaving) => {
  while (waiting.length && (leaving || !later)) {
    const hits = waiting.splice(0, MOST_IN_ONE);
    const sent_at = Date.now();
    const body = JSON.stringify(hits.map((one) => ({ ...one, sent_at })));
    if (leaving && navigator.sendBeacon && navigator.sendBeacon(address, body)) continue;
    fetch(address, { method: 'POST', body, keepalive: true, credentials: 'omit' }).then(
      ({ status, headers }) => {
        if (status == 408 || status == 429 || status > 499) again(hits, +headers.get('Retry-After'));
        else pause_s = FIRST_PAUSE_S;
      },
      () => again(hits),
    );
  }
};
